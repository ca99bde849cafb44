/// What a hostile image may cost its reader, in one place: each limit is far above what honest
/// images need. The budgets next to this file count against some of them.
package enum EffortBudget {
  // MARK: Sizes

  /// Limits the bitmaps for sets of inode numbers to 8 MiB.
  package static let mostInodes: UInt32 = 1 << 26
  /// The most fragment blocks: `verify` keeps the size of each, 16 MiB in all.
  static let mostFragments = 1 << 22
  /// The longest path in the tree, in bytes: twice what Linux accepts at once.
  package static let longestPath = 8192
  /// The longest target of a symbolic link in bytes: the most that any tool's writer allows.
  static let longestTarget: UInt32 = 65_535

  // MARK: Sharing

  /// The bytes of each path that do not count, and the most beyond those in all paths together.
  static let averagePath = 1024
  static let mostPathBytes = 16 << 20
  /// The bytes that lists of blocks and targets of links may have together before the inode table
  /// is looked into, and its multiple they may have then: few tables shrink to less than an eighth.
  static let freeInodeBytes: UInt64 = 256 << 10
  static let inodeTableRatio: UInt64 = 8
  /// The bytes of each set of extended attributes that do not count, enough for a value of the
  /// largest size with names; and the most for all others together, beyond what their table has.
  static let freeSetBytes = 72 << 10
  static let freeAttributeBytes: UInt64 = 64 << 20

  // MARK: Time

  /// The most entries of directories and their indexes to read for finding paths, a few seconds'
  /// worth; in a directory with an index, a name is found among some 250 entries.
  static let mostLookups = 50_000_000
  /// After this many invalid block sizes, a file's list cannot be one: the rest is ignored.
  static let mostBadBlocks = 1000
  /// The most places in a file that begin like an image to look into: few do by chance.
  static let mostStarts = 1000
}

/// What a hostile image may cost whoever reads it, in one place: each bound is far above what honest
/// images have. What is counted against some of them is in the budgets beside this file.
package enum EffortBudget {
  // MARK: What an image may have

  /// Sets of inode numbers are bitmaps, of 8 MiB for as many as these.
  package static let mostInodes: UInt32 = 1 << 26
  /// `verify` keeps the sizes of as many fragment blocks as these, 16 MiB.
  static let mostFragments = 1 << 22
  /// Of a path in the tree, in bytes: twice what Linux takes at once.
  package static let longestPath = 8192
  /// Of a symbolic link's target, in bytes: what the writer of any tool allows.
  static let longestTarget: UInt32 = 65_535

  // MARK: What it may share

  /// Paths may have so many bytes each that do not count, and so many beyond those together.
  static let averagePath = 1024
  static let mostPathBytes = 16 << 20
  /// Lists of blocks and targets of links may have so many bytes together before the inode table is
  /// looked into, or so many times its size: most tables are not compressed to less than an eighth.
  static let freeInodeBytes: UInt64 = 256 << 10
  static let inodeTableRatio: UInt64 = 8
  /// Sets of extended attributes may have so many bytes each that do not count, a value of the
  /// largest size with names; and all others so many together, besides what their table has.
  static let freeSetBytes = 72 << 10
  static let freeAttributeBytes: UInt64 = 64 << 20

  // MARK: How long it may keep us busy

  /// Entries of directories and their indexes that are read to find paths, a few seconds' worth; in a
  /// directory with an index, a name is found among some 250 entries.
  static let mostLookups = 50_000_000
  /// So many sizes of blocks in one file that make no sense are no list of them: the rest is not
  /// looked at.
  static let mostBadBlocks = 1000
  /// Places in a file that begin as an image does and are looked into: by chance few do.
  static let mostStarts = 1000
}

import SquashFSFormat

/// The location of a regular file's content in the image.
struct FileRecord {
  // In an order without padding: there may be millions of them.

  var size: UInt64 = 0
  /// The position of the first stored block; `unset` until there is one.
  var start = Self.unset
  // The position of its list in `BlockLists`.
  var firstBlock: UInt32 = 0
  var storedCount: UInt32 = 0
  var firstHole: UInt32 = 0
  /// The number of runs of holes.
  var holeCount: UInt32 = 0
  /// The number of blocks that are holes.
  var holeBlocks: UInt32 = 0
  var fragment = Inode.noFragment
  var fragmentOffset: UInt32 = 0
  /// The file these blocks belong to: this one's number, or that of an equal earlier file.
  var owner: UInt32

  static let unset = UInt64.max

  init(owner: UInt32) { self.owner = owner }

  /// The range of the file's blocks among all that are stored.
  var storedBlocks: Range<Int> { block(0)..<block(Int(storedCount)) }
  /// The number, among all that are stored, of a block that the file stores.
  func block(_ row: Int) -> Int { Int(firstBlock) + row }
  /// The range of the file's holes among all runs of holes.
  var holes: Range<Int> { Int(firstHole)..<Int(firstHole) + Int(holeCount) }
}

/// The location of a fragment block in the image.
struct FragmentRecord {
  var start: UInt64
  var stored: StoredBlock
}

internal import SquashFSFormat

/// Where the content of one regular file lies in the image.
struct FileRecord {
  var size: UInt64 = 0
  /// The bytes of holes.
  var sparse: UInt64 = 0
  /// The position of the first stored block; `unset` until there is one.
  var start = Self.unset
  /// The range of the file's blocks in the list of all blocks.
  var firstBlock: Int
  var blockCount: UInt32 = 0
  var fragment = Inode.noFragment
  var fragmentOffset: UInt32 = 0
  /// The file whose blocks these are: its own number, or that of an equal file before it.
  var owner: UInt32

  static let unset = UInt64.max

  init(firstBlock: Int, owner: UInt32) {
    self.firstBlock = firstBlock
    self.owner = owner
  }

  /// The range of the file's blocks in the list of all blocks.
  var blocks: Range<Int> { firstBlock..<firstBlock + Int(blockCount) }
}

/// Where a fragment block lies in the image.
struct FragmentRecord {
  var start: UInt64
  var stored: StoredBlock
}

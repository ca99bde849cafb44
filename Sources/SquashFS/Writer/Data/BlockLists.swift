import Posix
import SquashFSFormat
import TreeModel

/// The blocks of all files, one file after the other. Holes are counted, not listed: a few bytes of
/// an archive can stand for millions of them.
struct BlockLists {
  /// Adjacent blocks of a file that are holes.
  struct HoleRun: Equatable {
    /// The number of the file's stored blocks before it.
    var after: UInt32
    var count: UInt32
  }

  // Of stored blocks.
  private var sizes: [StoredBlock] = []
  private var hashes: [UInt64] = []
  /// Only of an image that cannot be read back; `unknown` as long as the block is in flight.
  private var digests = BlockDigestList()
  private let hasDigests: Bool
  private var holes: [HoleRun] = []
  /// The total number of entries in all inodes' lists, including holes and shared lists.
  private var entries = 0
  /// The number for the current file.
  private var entriesOfFile = 0

  /// An inode lists its blocks, four bytes each: 4 TiB at 128 KiB a block.
  static let mostOfFile = 1 << 25
  /// The limit for all files together, so that many such files cannot make an enormous table.
  private static let mostOfAll = 1 << 26

  static let fileTooLarge = ContentTooLarge(
    "the file has more than \(mostOfFile.grouped) blocks, holes included, the most that its"
      + " inode can list; use a larger --block-size")
  private static let allTooLarge = ContentTooLarge(
    "with this file the image has more than \(mostOfAll.grouped) blocks, holes included, the most"
      + " that its inodes can list; use a larger --block-size")

  /// - Parameter hasDigests: whether blocks are compared by their digests.
  init(hasDigests: Bool) { self.hasDigests = hasDigests }

  /// The number of stored blocks.
  var count: Int { sizes.count }

  func size(_ block: Int) -> StoredBlock { sizes[block] }

  func hash(_ block: Int) -> UInt64 { hashes[block] }

  func digest(_ block: Int) -> BlockDigest { digests[block] }

  func sizes(of file: FileRecord) -> ArraySlice<StoredBlock> { sizes[file.storedBlocks] }

  func holes(of file: FileRecord) -> ArraySlice<HoleRun> { holes[file.holes] }

  /// The number of holes before the first stored block.
  func leadingHoles(of file: FileRecord) -> UInt32 {
    guard let first = holes(of: file).first, first.after == 0 else { return 0 }
    return first.count
  }

  // MARK: The current file, whose blocks are the last ones

  mutating func begin(_ file: inout FileRecord) {
    entriesOfFile = 0
    file.firstBlock = UInt32(sizes.count)
    file.firstHole = UInt32(holes.count)
  }

  mutating func add(
    _ size: StoredBlock, hash: UInt64, to file: inout FileRecord
  ) throws(ContentTooLarge) {
    try count(1)
    sizes.append(size)
    hashes.append(hash)
    if hasDigests { digests.append(.unknown) }
    file.storedCount += 1
  }

  mutating func addHoles(_ number: UInt64, to file: inout FileRecord) throws(ContentTooLarge) {
    try count(number)
    file.holeBlocks += UInt32(number)
    if file.holeCount > 0, holes[holes.count - 1].after == file.storedCount {
      holes[holes.count - 1].count += UInt32(number)
    } else {
      holes.append(HoleRun(after: file.storedCount, count: UInt32(number)))
      file.holeCount += 1
    }
  }

  private mutating func count(_ number: UInt64) throws(ContentTooLarge) {
    guard number <= Self.mostOfFile - entriesOfFile else { throw Self.fileTooLarge }
    guard number <= Self.mostOfAll - entries else { throw Self.allTooLarge }
    entriesOfFile += Int(number)
    entries += Int(number)
  }

  mutating func setSize(_ size: StoredBlock, of block: Int) { sizes[block] = size }

  mutating func setDigest(_ digest: BlockDigest, of block: Int) { digests[block] = digest }

  /// Removes the file's list.
  mutating func removeLast(_ file: FileRecord) {
    entries -= entriesOfFile
    drop(file)
  }

  /// Makes it share the list of another file, which is equal.
  mutating func share(_ file: inout FileRecord, _ other: FileRecord) {
    drop(file)
    file.firstBlock = other.firstBlock
    file.firstHole = other.firstHole
  }

  private mutating func drop(_ file: FileRecord) {
    sizes.removeSubrange(file.block(0)...)
    hashes.removeSubrange(file.block(0)...)
    if hasDigests { digests.truncate(to: file.block(0)) }
    holes.removeSubrange(Int(file.firstHole)...)
  }

  // MARK: Comparing

  /// Whether the holes before a file's last stored block are those of another file whose list has
  /// been the same up to the block before.
  func haveEqualHoles(_ file: FileRecord, _ other: FileRecord, before block: Int) -> Bool {
    let (mine, others) = (holes(of: file), holes(of: other))
    guard others.count >= mine.count else { return false }
    let next = others.startIndex + mine.count
    if let last = mine.last, others[next - 1] != last { return false }
    return next == others.endIndex || others[next].after > block
  }

  /// Whether a file's list equals another's, given that its stored blocks and the holes before them
  /// are the same.
  func areEqual(_ file: FileRecord, _ other: FileRecord) -> Bool {
    file.storedCount == other.storedCount && file.holeCount == other.holeCount
      && holes(of: file).last == holes(of: other).last
  }
}

import Glibc
import SquashFSFormat
import TreeModel

/// Splits files into blocks. Equal files share theirs, and the ends of files go together into
/// fragment blocks; other blocks are compressed and written in order of arrival.
final class DataWriter {
  let store: BlockStore
  private var duplicates = DuplicateFinder()
  private var tails: TailPacker
  private var old: OldBlocks?
  private var currentFile = 0
  private var announcedSize: UInt64?

  /// The block being filled.
  private var current: UnsafeMutableRawBufferPointer
  private var filled = 0

  /// - Parameter old: the image from which `store` takes blocks over, if any.
  init(_ store: BlockStore, old: OldImage? = nil) {
    self.store = store
    self.old = old.map { OldBlocks($0) }
    tails = TailPacker(blockSize: store.blockSize)
    current = .allocate(byteCount: store.blockSize, alignment: 64)
  }

  deinit { current.deallocate() }

  private var blockSize: Int { store.blockSize }

  // MARK: Contents

  /// Makes sure that a file of this size has no more blocks than allowed.
  func checkSize(_ size: UInt64) throws(ContentTooLarge) {
    guard size / UInt64(blockSize) <= UInt64(BlockLists.mostOfFile) else {
      throw BlockLists.fileTooLarge
    }
  }

  /// Reserves the number of a file whose content comes later, through `begin(reserved:size:old:)`.
  func reserve() -> ContentID {
    store.files.append(FileRecord(owner: UInt32(store.files.count)))
    return ContentID(number: UInt32(store.files.count - 1))
  }

  /// Takes back the latest number.
  func unreserve() { store.files.removeLast() }

  func begin(size: UInt64?, old: OldFile?) throws {
    if let size { try checkSize(size) }
    begin(reserved: reserve(), size: size, old: old)
  }

  func begin(reserved id: ContentID, size: UInt64?, old: OldFile?) {
    announcedSize = size
    self.old?.begin(old)
    duplicates.begin()
    filled = 0
    currentFile = Int(id.number)
    store.blocks.begin(&store.files[currentFile])
    store.begin(currentFile)
  }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    let space = UnsafeMutableRawBufferPointer(rebasing: current[filled...])
    let count = try body(space)
    precondition(count <= space.count)
    filled += count
    if filled == blockSize { try endBlock() }
    return count
  }

  func addHole(_ count: UInt64) throws {
    var rest = count
    let toBlockEnd = UInt64(blockSize - filled)
    if filled > 0 && rest > 0 {
      let zeros = Int(min(rest, toBlockEnd))
      memset(current.baseAddress! + filled, 0, zeros)
      filled += zeros
      rest -= UInt64(zeros)
      if filled == blockSize { try endBlock() }
    }
    try addHoleBlocks(rest / UInt64(blockSize))
    rest %= UInt64(blockSize)
    if rest > 0 {
      memset(current.baseAddress!, 0, Int(rest))
      filled = Int(rest)
    }
  }

  func end() throws -> ContentID {
    store.files[currentFile].size += UInt64(filled)
    // Before its end, with which a fragment block may go out.
    try duplicates.end(currentFile, in: store)
    try store.keepBlocks()
    if filled > 0 {
      try tails.add(plain, to: currentFile, old: old, in: store)
      filled = 0
    }
    store.statistics.files += 1
    store.statistics.bytes += store.files[currentFile].size
    return ContentID(number: UInt32(currentFile))
  }

  func abandon() throws { try store.takeBackLast() }

  /// Writes everything still pending. Later files share no fragment and no block with earlier
  /// ones.
  func finish() throws {
    try tails.finish(old: old, in: store)
    try store.drain()
    duplicates.forgetAll()
  }

  // MARK: Blocks

  /// The filled part of the current block.
  private var plain: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: current[..<filled])
  }

  private func endBlock() throws {
    if BlockHash.isZero(plain) {
      try addHoleBlocks(1)
      filled = 0
      return
    }
    let hash = BlockHash.hash(plain)
    let offset = store.files[currentFile].size
    try store.blocks.add(BlockStore.pending, hash: hash, to: &store.files[currentFile])
    store.files[currentFile].size += UInt64(filled)
    let isDuplicate = try duplicates.isDuplicate(
      plain, hash: hash, of: currentFile, size: announcedSize, in: store)
    let block = store.blocks.count - 1
    if isDuplicate {
      try store.postpone(&current, count: filled, file: currentFile, block: block)
    } else {
      if offset == 0 {
        old?.reconsider(size: announcedSize, hash: hash, count: store.blocks.count)
      }
      try store.submit(
        &current, count: filled, file: currentFile, block: block, old: old?.place(at: offset))
    }
    filled = 0
  }

  private func addHoleBlocks(_ count: UInt64) throws {
    guard count > 0 else { return }
    try store.blocks.addHoles(count, to: &store.files[currentFile])
    let (bytes, overflow) = count.multipliedReportingOverflow(by: UInt64(blockSize))
    guard !overflow else { throw BlockLists.fileTooLarge }
    store.files[currentFile].size += bytes
  }
}

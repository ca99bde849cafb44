import SquashFSFormat
import Synchronization

/// A table of metadata blocks in an image, read block by block on demand, with the latest ones kept
/// unpacked.
///
/// Layout: SquashFS Binary Format, section "Storing Meta Data". Used by one thread.
final class MetadataTable {
  typealias Block = MetadataLoader.Block

  /// The range of the table's blocks in the image, in bytes.
  var range: Range<UInt64> { loader.range }
  var name: String { loader.name }
  private let input: ImageInput
  private let loader: MetadataLoader
  private var ahead: MetadataReadAhead?

  /// Called with each compressed block as stored, its position in the file, and the number of its
  /// bytes that the codec used. Disables read-ahead.
  var inspect: ((UnsafeRawBufferPointer, UInt64, UnpackedBlock) -> Void)? {
    get { loader.inspect }
    set { loader.inspect = newValue }
  }

  /// Called with the place in the image of each block used, including cached ones.
  var onUse: ((Range<UInt64>) -> Void)?

  /// The work of reading the table. Blocks read ahead count when they are used.
  var work = ReadingWork()

  /// All blocks kept, by their starts, once they are more than a few.
  private var cache: [UInt64: Block] = [:]
  private var clock: [Block] = []
  private var hand = 0
  /// As many blocks are found without a dictionary, which takes longer to set up than a small table
  /// to read.
  private static let few = 8
  private let cacheLimit: Int
  private let cacheOfAll: MetadataCache?

  /// - Parameters:
  ///   - name: the name in errors.
  ///   - cacheLimit: the number of blocks of 8 KiB to keep.
  ///   - cacheOfAll: what all readers of the image keep together, if there are several.
  init(
    _ range: Range<UInt64>, _ name: String, of input: ImageInput, codec: any BlockDecompressor,
    cacheLimit: Int = 768, sharing cacheOfAll: MetadataCache? = nil
  ) {
    self.cacheOfAll = cacheOfAll
    self.cacheLimit = cacheLimit
    self.input = input
    loader = MetadataLoader(range, name, of: input, codec: codec)
  }

  /// Makes another thread unpack the table from its start, for a caller that will read most of it.
  ///
  /// - Parameter codec: for that thread alone.
  func readAhead(with codec: any BlockDecompressor) {
    guard ahead == nil, inspect == nil else { return }
    ahead = MetadataReadAhead(
      MetadataLoader(range, name, of: input, codec: codec), limit: cacheLimit / 2)
  }

  /// The position in the file of an offset in the table.
  func fileOffset(_ start: UInt64) -> UInt64 { loader.fileOffset(start) }

  /// The block with its header `start` bytes after the table's start.
  ///
  /// - Throws: `ImageReadError` if there is no whole block, or it does not unpack.
  func block(at start: UInt64) throws(ImageReadError) -> Block {
    work.metadataVisits &+= 1
    if let block = cached(start) {
      block.wasUsed.store(true, ordering: .relaxed)
      note(block)
      return block
    }
    let block: Block
    if let known = shared(start) { block = known } else { block = try unpacked(start) }
    insert(block)
    note(block)
    return block
  }

  private func unpacked(_ start: UInt64) throws(ImageReadError) -> Block {
    work.metadataBlocks &+= 1
    if let ready = ahead?.take(start) { return ready }
    let block = try loader.load(start)
    cacheOfAll?.insert(block, at: .init(table: range.lowerBound, start: start))
    return block
  }

  private func shared(_ start: UInt64) -> Block? {
    cacheOfAll?.block(at: .init(table: range.lowerBound, start: start))
  }

  private func cached(_ start: UInt64) -> Block? {
    clock.count > Self.few ? cache[start] : clock.first { $0.start == start }
  }

  private func note(_ block: Block) {
    onUse?(range.lowerBound + block.start..<range.lowerBound + block.next)
  }

  /// Unpacks all blocks.
  ///
  /// - Returns: the unpacked size of the table in bytes, up to any damage.
  func unpackAll() -> UInt64 {
    var bytes: UInt64 = 0
    var position: UInt64 = 0
    while position < range.upperBound - range.lowerBound, let block = try? block(at: position) {
      bytes += UInt64(block.count)
      position = block.next
    }
    return bytes
  }

  /// Drops all blocks, so that they are read again.
  func forget() {
    cache.removeAll()
    clock.removeAll()
    hand = 0
  }

  /// Caches the block in place of one that was not used for a while.
  private func insert(_ block: Block) {
    if clock.count < cacheLimit {
      clock.append(block)
      if clock.count == Self.few + 1 { for block in clock { cache[block.start] = block } }
    } else {
      while clock[hand].wasUsed.exchange(false, ordering: .relaxed) {
        hand = (hand + 1) % clock.count
      }
      cache[clock[hand].start] = nil
      clock[hand] = block
      hand = (hand + 1) % clock.count
    }
    if clock.count > Self.few { cache[block.start] = block }
  }
}

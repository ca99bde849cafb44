import Posix
import SquashFSFormat
import TreeModel

/// The blocks of an image: compressed and written in order of arrival, and read back for comparison
/// with new ones.
final class BlockStore {
  let image: OutputImage
  let blockSize: Int
  /// One record per file, by `ContentID`.
  var files: [FileRecord] = []
  var blocks = BlockLists()
  private(set) var fragments: [FragmentRecord] = []
  var statistics = DataStatistics()
  /// The filters that blocks have.
  private(set) var filters: CodeFilters = []
  /// Those before the first block of the latest file that has any.
  private var filtersBeforeFile = (file: -1, filters: CodeFilters())
  /// The part of `statistics.reused` that belongs to one file, the latest that has any.
  private var reusedOfFile = (file: -1, data: ReusedData())
  /// Also compresses metadata, once no data is in flight.
  let pool: CompressionPool
  private let reader: BlockReader

  /// Stands in a list for a block not written yet.
  static let pending = StoredBlock(rawValue: UInt32.max)

  /// - Parameter old: the image from which to take blocks over, if any.
  init(
    image: OutputImage, blockSize: Int, compression: Compression, threads: Int, probes: Bool,
    old: BlockReuse.Source? = nil
  ) throws {
    self.image = image
    self.blockSize = blockSize
    reader = try BlockReader(
      image: image, codec: compression.id.makeDecompressor(), blockSize: blockSize)
    // Enough blocks in flight that no thread waits for a slow neighbour, within 8 MiB.
    let window = max(threads + 2, min(8 * threads, (8 << 20) / (2 * blockSize)))
    pool = try CompressionPool(threads: threads, window: window, blockSize: blockSize) {
      try CompressionWorker(
        compression, blockSize: blockSize, storesIncompressible: probes,
        reuse: try old.map { try BlockReuse($0) })
    }
  }

  /// The number of a file's bytes that are in holes.
  func holeBytes(of file: FileRecord) -> UInt64 { UInt64(file.holeBlocks) * UInt64(blockSize) }

  // MARK: Writing

  /// Compresses and writes a block of a file: the first `count` bytes of `buffer`, which is
  /// replaced by another buffer.
  ///
  /// - Parameters:
  ///   - block: its row in `blocks`.
  ///   - old: the place in an old image of a block that may be the same.
  func submit(
    _ buffer: inout UnsafeMutableRawBufferPointer, count: Int, file: Int, block: Int,
    old: BlockPlace?
  ) throws {
    try submit(&buffer, count, .data(file: file, block: block), old)
  }

  /// Compresses and writes a fragment block, as `submit` does for blocks of files.
  func submit(
    fragment buffer: inout UnsafeMutableRawBufferPointer, count: Int, old: BlockPlace?
  ) throws {
    try submit(&buffer, count, .fragment(fragments.count), old)
    fragments.append(FragmentRecord(start: 0, stored: Self.pending))
  }

  private func submit(
    _ buffer: inout UnsafeMutableRawBufferPointer, _ count: Int, _ job: CompressionSlot.Job,
    _ old: BlockPlace?
  ) throws {
    while pool.freeSlot == nil { try retire() }
    let slot = pool.freeSlot!
    swap(&slot.input, &buffer)
    slot.inputCount = count
    slot.job = job
    slot.old = old
    pool.submit()
  }

  /// Writes the oldest block in flight.
  private func retire() throws {
    let slot = try pool.retire()
    let start = image.position
    let stored = slot.stored
    try image.append(stored)
    let size = StoredBlock(byteCount: stored.count, isCompressed: slot.outputCount != nil)
    statistics.storedBytes += UInt64(stored.count)
    if case .data(let file, _) = slot.job, filtersBeforeFile.file != file {
      filtersBeforeFile = (file, filters)
    }
    if slot.outputCount == nil {
      statistics.storedPlainBlocks += 1
    } else if let filter = slot.filter {
      filters.insert(CodeFilters(filter))
    }
    switch slot.job {
    case .data(let file, let block):
      blocks.setSize(size, of: block)
      if files[file].start == FileRecord.unset { files[file].start = start }
    case .fragment(let number):
      fragments[number] = FragmentRecord(start: start, stored: size)
    case .metadata: preconditionFailure("metadata comes after all data")
    }
    count(slot)
  }

  /// Counts what became of the old block of a slot.
  private func count(_ slot: CompressionSlot) {
    switch slot.reuse {
    case .different: break
    case .unreadable: statistics.unreadableOldBlocks += 1
    case .same:
      statistics.reused.blocks += 1
      statistics.reused.bytes += UInt64(slot.inputCount)
      guard case .data(let file, _) = slot.job else { break }
      if reusedOfFile.file != file { reusedOfFile = (file, ReusedData()) }
      reusedOfFile.data.blocks += 1
      reusedOfFile.data.bytes += UInt64(slot.inputCount)
    }
  }

  /// Waits until all blocks are written.
  func drain() throws {
    while !pool.isIdle { try retire() }
  }

  /// Removes the last file. Its blocks are the last of the image: fragments go out only between
  /// files.
  func takeBackLast() throws {
    try drain()
    let file = files.removeLast()
    if file.start != FileRecord.unset {
      statistics.storedBytes -= image.position - file.start
      statistics.storedPlainBlocks -= blocks.sizes(of: file).count { !$0.isCompressed }
      image.rewind(to: file.start)
      reader.forget(from: file.start)
    }
    if filtersBeforeFile.file == files.count {
      filters = filtersBeforeFile.filters
      filtersBeforeFile.file = -1
    }
    if reusedOfFile.file == files.count {
      statistics.reused.blocks -= reusedOfFile.data.blocks
      statistics.reused.bytes -= reusedOfFile.data.bytes
      reusedOfFile.file = -1
    }
    blocks.removeLast(file)
  }

  // MARK: Comparing

  /// A position among the stored blocks of a file, close to the block compared last.
  struct Place {
    var block: Int
    /// That block's position in the image; `nil` if it must be found from the first one.
    var position: UInt64?
  }

  /// Whether a block equals one of an earlier file.
  ///
  /// - Parameters:
  ///   - index: that block's row, at or after `place`, which moves there.
  ///   - owner: the file these blocks belong to.
  func isEqual(
    _ plain: UnsafeRawBufferPointer, to index: Int, of owner: Int, _ place: inout Place
  ) throws -> Bool {
    if let slot = pool.inFlight(.data(file: owner, block: index)) {
      return BlockHash.areEqual(plain, slot.plain)
    }
    var position = place.position ?? files[owner].start
    for earlier in place.block..<index { position += UInt64(blocks.size(earlier).byteCount) }
    place = Place(block: index, position: position)
    return BlockHash.areEqual(plain, try reader.block(at: position, blocks.size(index)))
  }

  /// The bytes of a fragment block; valid until the next call.
  func fragment(_ number: Int) throws -> UnsafeRawBufferPointer {
    if let slot = pool.inFlight(.fragment(number)) { return slot.plain }
    let record = fragments[number]
    return try reader.block(at: record.start, record.stored)
  }

  /// Gives a file copies of another's first stored blocks: equal blocks compress to equal bytes.
  func copyBlocks(_ count: Int, of other: FileRecord, to number: Int) throws {
    try drain()
    var position = files[Int(other.owner)].start
    for row in 0..<count {
      let block = blocks.size(other.block(row))
      let start = image.position
      try image.append(try reader.stored(at: position, block.byteCount))
      statistics.storedBytes += UInt64(block.byteCount)
      if !block.isCompressed { statistics.storedPlainBlocks += 1 }
      position += UInt64(block.byteCount)
      blocks.setSize(block, of: files[number].block(row))
      if files[number].start == FileRecord.unset { files[number].start = start }
    }
  }
}

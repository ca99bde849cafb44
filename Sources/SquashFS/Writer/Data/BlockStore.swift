import Posix
import SquashFSFormat
import TreeModel

/// The blocks of an image, compressed and written in order of arrival. New ones are compared with
/// them: byte for byte if they can be read back, or else by digests.
final class BlockStore {
  let image: any ImageOutput
  let blockSize: Int
  /// One record per file, by `ContentID`.
  var files: [FileRecord] = []
  var blocks: BlockLists
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
  /// `nil` if the image cannot be read back.
  private let reader: BlockReader?
  /// The image, if it cannot.
  private let streamed: StreamedImage?
  /// A file whose blocks are not to be sent yet, since they may be taken back.
  private var undecided: Int?
  private var postponed: PostponedBlocks

  /// Stands in a list for a block not written yet.
  static let pending = StoredBlock(rawValue: UInt32.max)

  /// - Parameter old: the image from which to take blocks over, if any.
  init(
    image: any ImageOutput, blockSize: Int, compression: Compression, threads: Int, probes: Bool,
    old: BlockReuse.Source? = nil
  ) throws {
    self.image = image
    self.blockSize = blockSize
    reader = try image.file.map {
      try BlockReader(image: $0, codec: compression.id.makeDecompressor(), blockSize: blockSize)
    }
    streamed = image as? StreamedImage
    let comparesDigests = reader == nil
    blocks = BlockLists(hasDigests: comparesDigests)
    postponed = PostponedBlocks(blockSize: blockSize, bytes: streamed?.bufferSize ?? 0)
    // Enough blocks in flight that no thread waits for a slow neighbour, within 8 MiB.
    let window = max(threads + 2, min(8 * threads, (8 << 20) / (2 * blockSize)))
    pool = try CompressionPool(threads: threads, window: window, blockSize: blockSize) {
      try CompressionWorker(
        compression, blockSize: blockSize, storesIncompressible: probes,
        makesDigests: comparesDigests, reuse: try old.map { try BlockReuse($0) })
    }
  }

  /// Whether blocks and the ends of files are compared by their digests.
  var comparesDigests: Bool { reader == nil }

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
    if case .data(let file, _) = slot.job {
      // One that has turned out to be a duplicate has another file's blocks.
      guard files[file].owner == file else { return }
      if undecided == file, files[file].start == FileRecord.unset { streamed?.hold() }
    }
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
      if comparesDigests { blocks.setDigest(slot.digest, of: block) }
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

  // MARK: The last file
  //
  // Its blocks are the last of the image, since fragments go out only between files.

  /// Starts a file.
  func begin(_ number: Int) {
    postponed.reset()
    undecided = streamed?.mayLoseFiles == true ? number : nil
  }

  /// Lets the blocks of the last file stay.
  func keepBlocks() throws {
    undecided = nil
    try streamed?.release()
  }

  /// Removes the last file.
  func takeBackLast() throws {
    try drain()
    takeBackBlocks(of: files.count - 1)
    let file = files.removeLast()
    if reusedOfFile.file == files.count {
      statistics.reused.blocks -= reusedOfFile.data.blocks
      statistics.reused.bytes -= reusedOfFile.data.bytes
      reusedOfFile.file = -1
    }
    blocks.removeLast(file)
  }

  /// Gives the last file the blocks of another one, which is equal.
  func share(_ number: Int, _ other: FileRecord) {
    takeBackBlocks(of: number)
    blocks.share(&files[number], other)
    files[number].owner = other.owner
  }

  private func takeBackBlocks(of number: Int) {
    postponed.reset()
    let file = files[number]
    if file.start != FileRecord.unset {
      statistics.storedBytes -= image.position - file.start
      statistics.storedPlainBlocks -= blocks.sizes(of: file).count {
        !$0.isCompressed && $0 != Self.pending
      }
      image.rewind(to: file.start)
      reader?.forget(from: file.start)
      files[number].start = FileRecord.unset
    }
    if filtersBeforeFile.file == number {
      filters = filtersBeforeFile.filters
      filtersBeforeFile.file = -1
    }
  }

  /// Takes a block that equals one of an earlier file, as all before it in the last file do: the
  /// first `count` bytes of `buffer`, which may be replaced by another one.
  func postpone(
    _ buffer: inout UnsafeMutableRawBufferPointer, count: Int, file: Int, block: Int
  ) throws {
    guard comparesDigests else { return }
    guard !postponed.isClosed else {
      return try submit(&buffer, count: count, file: file, block: block, old: nil)
    }
    postponed.append(&buffer, count: count, row: block)
    if postponed.isFull {
      undecided = file
      try submitPostponed(of: file)
    }
  }

  private func submitPostponed(of file: Int) throws {
    try postponed.close {
      try submit(&$0.bytes, count: $0.count, file: file, block: $0.row, old: nil)
    }
  }

  /// Writes the blocks taken by `postpone`: the last file differs from the earlier one after all.
  ///
  /// - Parameters:
  ///   - count: their number.
  ///   - other: the earlier file.
  func writePostponed(_ count: Int, of other: FileRecord, to number: Int) throws {
    guard !comparesDigests else {
      if streamed?.mayLoseFiles != true { try keepBlocks() }
      return try submitPostponed(of: number)
    }
    try copyBlocks(count, of: other, to: number)
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
    guard let reader else { return blocks.digest(index) == BlockDigest(plain) }
    var position = place.position ?? files[owner].start
    for earlier in place.block..<index { position += UInt64(blocks.size(earlier).byteCount) }
    place = Place(block: index, position: position)
    return BlockHash.areEqual(plain, try reader.block(at: position, blocks.size(index)))
  }

  /// The bytes of a fragment block, valid until the next call; `nil` if they cannot be read back.
  func fragment(_ number: Int) throws -> UnsafeRawBufferPointer? {
    if let slot = pool.inFlight(.fragment(number)) { return slot.plain }
    let record = fragments[number]
    return try reader?.block(at: record.start, record.stored)
  }

  /// Gives a file copies of another's first stored blocks: equal blocks compress to equal bytes.
  private func copyBlocks(_ count: Int, of other: FileRecord, to number: Int) throws {
    guard let reader else { return }
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

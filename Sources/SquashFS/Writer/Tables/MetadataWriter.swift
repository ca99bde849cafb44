import Glibc
import SquashFSFormat

/// Splits records into metadata blocks of 8 KiB, has them compressed, and keeps the result in
/// memory until the table's position in the image is known.
final class MetadataWriter {
  private unowned let packer: MetadataPacker
  /// What most of the records look like.
  let shape: BlockShape
  /// The table to whose blocks the records refer, if they do.
  unowned var target: MetadataWriter?

  /// The block being filled.
  private var block = LaidOutBlock()
  /// The number of blocks before it.
  private var laidOut: UInt32 = 0
  /// Blocks that are laid out, but for which not all starts are known.
  private var waiting: [LaidOutBlock] = []
  /// Blocks to use again.
  private var spare: [LaidOutBlock] = []
  /// The latest block passed on for compression.
  private var latest: LaidOutBlock?
  /// For each block in flight, how often the table has it in a row.
  private var inFlight: [Int] = []
  private var isFirstUncompressed = false

  /// The packed blocks, each with its header.
  private(set) var table: [UInt8] = []
  /// The starts of all packed blocks in `table`.
  private(set) var blockStarts: [UInt64] = []

  init(_ packer: MetadataPacker, shape: BlockShape) {
    self.packer = packer
    self.shape = shape
    packer.add(self)
  }

  /// Where the next record will start.
  var position: MetadataPlace {
    MetadataPlace(block: laidOut, offset: UInt16(block.count))
  }

  /// The place as records contain it; all blocks before it must be packed.
  func reference(to place: MetadataPlace) -> MetadataReference {
    MetadataReference(blockStart: start(of: place.block), offset: Int(place.offset))
  }

  private func start(of block: UInt32) -> UInt64 {
    Int(block) < blockStarts.count ? blockStarts[Int(block)] : UInt64(table.count)
  }

  // MARK: Laying out

  /// Leaves room for a first record to be filled in later. Its block is stored uncompressed, so
  /// that the block's size, and so the place of all that follows, does not depend on the record.
  func reserve(_ count: Int) {
    precondition(position == MetadataPlace(block: 0, offset: 0) && count < MetadataBlock.byteCount)
    block.appendZeros(count)
    isFirstUncompressed = true
  }

  /// Fills the room that `reserve` left.
  func fillReserved(_ record: UnsafeRawBufferPointer) throws {
    guard laidOut > 0 else {
      block.bytes.copyMemory(from: record)
      isFirstUncompressed = false
      return
    }
    try packer.pack(self)
    table.withUnsafeMutableBytes {
      UnsafeMutableRawBufferPointer(rebasing: $0[2...])  // after the header
        .copyMemory(from: record)
    }
  }

  /// Appends a record, which may cross blocks.
  ///
  /// - Parameter links: the places in it for starts of the target's blocks, in their order.
  func append(
    _ record: UnsafeRawBufferPointer, links: some Collection<MetadataLink> = EmptyCollection()
  ) throws {
    var done = 0
    var links = links[...]
    while done < record.count {
      let count = min(record.count - done, block.room)
      let end = done + count
      for link in links.prefix(while: { $0.offset < end }) {
        block.links.append(
          MetadataLink(offset: block.count + link.offset - done, block: link.block))
      }
      // One that crosses blocks is filled in in both.
      links = links.drop { $0.offset + MemoryLayout<UInt32>.size <= end }
      block.append(UnsafeRawBufferPointer(rebasing: record[done..<end]))
      done = end
      if block.room == 0 { try flush() }
    }
  }

  /// Appends zero bytes.
  func append(zeros count: Int) throws {
    var rest = count
    while rest > 0 {
      let count = min(rest, block.room)
      block.appendZeros(count)
      rest -= count
      if block.room == 0 { try flush() }
    }
  }

  /// Ends the table and packs all of it.
  func finish() throws {
    if block.count > 0 { try flush() }
    try packer.pack(self)
    packer.remove(self)
  }

  private func flush() throws {
    waiting.append(block)
    block = spare.popLast() ?? LaidOutBlock()
    laidOut += 1
    try packer.advance()
  }

  // MARK: Packing, as the packer asks for it

  /// Whether blocks that are laid out are not packed yet.
  var isWaiting: Bool { !waiting.isEmpty || !inFlight.isEmpty }

  /// Fills in the starts of the target's blocks in the next block.
  ///
  /// - Returns: false if not all of them are known, or no block is waiting.
  func resolveNext() throws -> Bool {
    guard let next = waiting.first else { return false }
    if let target {
      guard next.links.allSatisfy({ $0.block <= target.blockStarts.count }) else { return false }
      for link in next.links {
        guard let start = UInt32(exactly: target.start(of: link.block)) else {
          throw ImageError.tablesTooLarge
        }
        next.fill(link.offset, with: start)
      }
    }
    return true
  }

  /// Takes the next block, which is resolved.
  ///
  /// - Returns: its bytes, valid until the next call; `nil` if it need not be compressed.
  func nextToCompress() -> UnsafeRawBufferPointer? {
    let next = waiting.removeFirst()
    if isFirstUncompressed && blockStarts.isEmpty {
      appendBlock(next.plain, isCompressed: false)
      recycle(next)
      return nil
    }
    // The list of a large hole fills block after block with the same bytes.
    if let latest, BlockHash.areEqual(latest.plain, next.plain) {
      recycle(next)
      if inFlight.isEmpty {
        repeatLast()
      } else {
        inFlight[inFlight.count - 1] += 1
      }
      return nil
    }
    if let latest { recycle(latest) }
    latest = next
    inFlight.append(1)
    return next.plain
  }

  /// Appends the oldest block in flight.
  func take(_ slot: CompressionSlot) {
    appendBlock(slot.stored, isCompressed: slot.outputCount != nil)
    for _ in 1..<inFlight.removeFirst() { repeatLast() }
  }

  private func appendBlock(_ stored: UnsafeRawBufferPointer, isCompressed: Bool) {
    blockStarts.append(UInt64(table.count))
    let header = UInt16(stored.count) | (isCompressed ? 0 : MetadataBlock.uncompressedBit)
    table.append(UInt8(truncatingIfNeeded: header))
    table.append(UInt8(truncatingIfNeeded: header >> 8))
    table.append(contentsOf: stored)
  }

  private func repeatLast() {
    let last = Int(blockStarts[blockStarts.count - 1])
    blockStarts.append(UInt64(table.count))
    table.append(contentsOf: table[last...])
  }

  private func recycle(_ block: LaidOutBlock) {
    block.removeAll()
    spare.append(block)
  }
}

/// A metadata block before compression.
private final class LaidOutBlock {
  let bytes = UnsafeMutableRawBufferPointer.allocate(
    byteCount: MetadataBlock.byteCount, alignment: 64)
  private(set) var count = 0
  /// Where it needs starts of blocks; one that begins in the block before has a negative offset.
  var links: [MetadataLink] = []

  deinit { bytes.deallocate() }

  var room: Int { bytes.count - count }
  var plain: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<count]) }

  func append(_ more: UnsafeRawBufferPointer) {
    (bytes.baseAddress! + count).copyMemory(from: more.baseAddress!, byteCount: more.count)
    count += more.count
  }

  func appendZeros(_ more: Int) {
    memset(bytes.baseAddress! + count, 0, more)
    count += more
  }

  func removeAll() {
    count = 0
    links.removeAll(keepingCapacity: true)
  }

  /// Fills in a number, or the part of it that is in this block.
  func fill(_ offset: Int, with number: UInt32) {
    for index in 0..<MemoryLayout<UInt32>.size where bytes.indices.contains(offset + index) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
    }
  }
}

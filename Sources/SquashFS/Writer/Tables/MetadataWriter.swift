import Glibc
import SquashFSFormat

/// Splits records into metadata blocks of 8 KiB, compresses them, and keeps the result in memory
/// until the table's position in the image is known.
final class MetadataWriter {
  private let codec: any BlockCompressor
  private let shape: BlockShape
  private var block = UnsafeMutableRawBufferPointer.allocate(
    byteCount: MetadataBlock.byteCount, alignment: 64)
  /// The previous block and its packed size.
  private var latest = UnsafeMutableRawBufferPointer.allocate(
    byteCount: MetadataBlock.byteCount, alignment: 64)
  private var latestPacked: Int?
  private let packed = UnsafeMutableRawBufferPointer.allocate(
    byteCount: MetadataBlock.byteCount, alignment: 64)
  private var filled = 0
  private var isFirstUncompressed = false

  /// The finished blocks, each with its header.
  private(set) var table: [UInt8] = []
  /// The starts of all finished blocks in `table`.
  private(set) var blockStarts: [UInt64] = []

  /// - Parameter shape: what most of the records look like.
  init(codec: any BlockCompressor, shape: BlockShape) {
    self.codec = codec
    self.shape = shape
  }

  deinit {
    block.deallocate()
    latest.deallocate()
    packed.deallocate()
  }

  /// Where the next record will start.
  var position: MetadataReference {
    MetadataReference(blockStart: UInt64(table.count), offset: filled)
  }

  /// Leaves room for a first record to be filled in later. Its block is stored uncompressed, so
  /// that the block's size, and so the place of all that follows, does not depend on the record.
  func reserve(_ count: Int) {
    precondition(table.isEmpty && filled == 0 && count < block.count)
    block[..<count].initializeMemory(as: UInt8.self, repeating: 0)
    filled = count
    isFirstUncompressed = true
  }

  /// Fills the room that `reserve` left.
  func fillReserved(_ record: UnsafeRawBufferPointer) {
    if table.isEmpty {
      block.copyMemory(from: record)
      isFirstUncompressed = false
    } else {
      table.withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[2...])  // after the header
          .copyMemory(from: record)
      }
    }
  }

  /// Appends a record, which may cross blocks.
  func append(_ record: UnsafeRawBufferPointer) throws(CodecError) {
    var done = 0
    while done < record.count {
      let count = min(record.count - done, block.count - filled)
      (block.baseAddress! + filled).copyMemory(
        from: record.baseAddress! + done, byteCount: count)
      filled += count
      done += count
      if filled == block.count { try flush() }
    }
  }

  /// Appends zero bytes.
  func append(zeros count: Int) throws(CodecError) {
    var rest = count
    while rest > 0 {
      let count = min(rest, block.count - filled)
      block[filled..<filled + count].initializeMemory(as: UInt8.self, repeating: 0)
      filled += count
      rest -= count
      if filled == block.count { try flush() }
    }
  }

  /// Ends the table: no record may follow.
  func finish() throws(CodecError) {
    if filled > 0 { try flush() }
  }

  private func flush() throws(CodecError) {
    blockStarts.append(UInt64(table.count))
    let plain = UnsafeRawBufferPointer(rebasing: block[..<filled])
    let room = UnsafeMutableRawBufferPointer(rebasing: packed[..<(filled - 1)])
    if !(isFirstUncompressed && table.isEmpty), let count = try packedSize(plain, into: room) {
      appendHeader(UInt16(count))
      table.append(contentsOf: packed[..<count])
    } else {
      appendHeader(UInt16(filled) | MetadataBlock.uncompressedBit)
      table.append(contentsOf: plain)
    }
    filled = 0
  }

  /// - Returns: `nil` if the block does not shrink.
  private func packedSize(
    _ plain: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int? {
    // The list of a large hole fills block after block with the same bytes.
    if let latestPacked, plain.count == latest.count,
      memcmp(plain.baseAddress!, latest.baseAddress!, plain.count) == 0
    {
      return latestPacked
    }
    latestPacked = try codec.compress(plain, shape: shape, into: room)
    swap(&block, &latest)
    return latestPacked
  }

  private func appendHeader(_ header: UInt16) {
    table.append(UInt8(truncatingIfNeeded: header))
    table.append(UInt8(truncatingIfNeeded: header >> 8))
  }
}

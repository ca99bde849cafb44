import Posix
import SquashFSFormat

/// A position in a table that advances as bytes are read, across block boundaries.
struct MetadataCursor {
  let table: MetadataTable
  private var block: MetadataTable.Block
  private var offset: Int

  init(_ table: MetadataTable, at reference: MetadataReference) throws(ImageReadError) {
    self.table = table
    block = try table.block(at: reference.blockStart)
    offset = reference.offset
    guard offset <= block.count else {
      throw .damaged(
        at: table.fileOffset(reference.blockStart),
        "offset \(offset.grouped) is past the end of a block of \(block.count.counted("byte")) in the "
          + "\(table.name)")
    }
  }

  /// The position of the next byte.
  var reference: MetadataReference {
    offset == block.count
      ? MetadataReference(blockStart: block.next, offset: 0)
      : MetadataReference(blockStart: block.start, offset: offset)
  }

  /// The position in the file of the block with the next byte.
  var fileOffset: UInt64 { table.fileOffset(reference.blockStart) }

  /// The place in the table of the block with the last byte read, and its unpacked size.
  var blockRange: Range<UInt64> { block.start..<block.next }
  var blockSize: Int { block.count }

  /// Whether the last byte was the last of a block that ends at the table's end.
  var isAtEnd: Bool {
    offset == block.count
      && block.next >= table.range.upperBound - table.range.lowerBound
  }

  /// Fills `buffer` with the next bytes.
  mutating func read(_ buffer: UnsafeMutableRawBufferPointer) throws(ImageReadError) {
    table.work.metadataBytes &+= UInt64(buffer.count)
    var done = 0
    while done < buffer.count {
      if offset == block.count { try advance() }
      let count = min(buffer.count - done, block.count - offset)
      (buffer.baseAddress! + done).copyMemory(from: block.base + offset, byteCount: count)
      offset += count
      done += count
    }
  }

  /// Skips the next bytes.
  mutating func skip(_ count: UInt64) throws(ImageReadError) {
    var rest = count
    while rest > 0 {
      if offset == block.count { try advance() }
      let step = min(rest, UInt64(block.count - offset))
      offset += Int(step)
      rest -= step
    }
  }

  /// The next `count` bytes as an array.
  mutating func bytes(_ count: Int) throws(ImageReadError) -> [UInt8] {
    if block.count - offset >= count {
      table.work.metadataBytes &+= UInt64(count)
      let array = [UInt8](UnsafeRawBufferPointer(start: block.base + offset, count: count))
      offset += count
      return array
    }
    var array = [UInt8](repeating: 0, count: count)
    var failure: ImageReadError?
    array.withUnsafeMutableBytes { buffer in
      do throws(ImageReadError) { try read(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
    return array
  }

  /// The next two bytes as a number, without consuming them.
  mutating func peek() throws(ImageReadError) -> UInt16 {
    if offset == block.count { try advance() }
    if block.count - offset >= 2 { return block.bytes.little(offset) }
    var ahead = self
    return try ahead.record(2) { $0.little(0) }
  }

  /// Reads the next bytes, which are one record of at most 64 bytes.
  mutating func record<R>(
    _ count: Int, _ body: (RawSpan) -> R
  ) throws(ImageReadError) -> R {
    if block.count - offset >= count {
      table.work.metadataBytes &+= UInt64(count)
      let bytes = UnsafeRawBufferPointer(start: block.base + offset, count: count)
      offset += count
      return body(bytes.bytes)
    }
    var storage = InlineArray<8, UInt64>(repeating: 0)
    return try withUnsafeMutableBytes(of: &storage) { (storage) throws(ImageReadError) in
      let buffer = UnsafeMutableRawBufferPointer(rebasing: storage[..<count])
      try read(buffer)
      return body(UnsafeRawBufferPointer(buffer).bytes)
    }
  }

  private mutating func advance() throws(ImageReadError) {
    block = try table.block(at: block.next)
    offset = 0
  }
}

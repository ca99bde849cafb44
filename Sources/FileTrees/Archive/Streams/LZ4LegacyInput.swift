import CLZ4

/// An unpacked stream of `lz4 -l`, the form for Linux initrds: blocks of 8 MiB, each after its
/// packed size, and no end mark.
///
/// Layout: lz4's "Legacy frame" in its frame format description.
final class LZ4LegacyInput: ByteInput {
  private let source: PushbackInput
  private let path: [UInt8]
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 << 20, alignment: 64)
  private(set) var position: Int64 = 0

  private static let markSize = 4
  private static let longestBlock = Int(LZ4_compressBound(8 << 20))

  init(_ source: PushbackInput, path: [UInt8]) {
    self.source = source
    self.path = path
  }

  deinit { buffer.deallocate() }

  func next() throws -> UnsafeRawBufferPointer {
    while true {
      let word = try source.peek(Self.markSize)
      let start = try source.peek(StreamFormat.longestStart)
      if StreamFormat.lz4Legacy.begins(start) {
        source.skip(Self.markSize)
        continue
      }
      guard word.count == Self.markSize else {
        if start.isEmpty || start.allSatisfy({ $0 == 0 }) { return .init(start: nil, count: 0) }
        throw StreamFormat.lz4Legacy.cutOff(path)
      }
      let size = Int(UInt32(littleEndian: start.loadUnaligned(as: UInt32.self)))
      // Padding, or another stream.
      guard size > 0, size <= Self.longestBlock else { return .init(start: nil, count: 0) }
      let block = try source.peek(Self.markSize + size)
      guard block.count == Self.markSize + size else { throw StreamFormat.lz4Legacy.cutOff(path) }
      let packed = block[Self.markSize...]
      let count = LZ4_decompress_safe(
        UnsafeRawBufferPointer(rebasing: packed).baseAddress!.assumingMemoryBound(to: CChar.self),
        buffer.baseAddress!.assumingMemoryBound(to: CChar.self), Int32(size), Int32(buffer.count))
      guard count >= 0 else {
        throw StreamFormat.lz4Legacy.damaged(path, "a block does not unpack")
      }
      source.skip(Self.markSize + size)
      if count == 0 { continue }
      position += Int64(count)
      return UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)])
    }
  }
}

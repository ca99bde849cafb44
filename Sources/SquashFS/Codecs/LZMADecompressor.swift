import CLZMA

/// `.lzma` streams from before xz, which no kernel mounts; squashfs-tools and gensquashfs can still
/// write them.
final class LZMADecompressor: BlockDecompressor {
  private let stream: UnsafeMutablePointer<lzma_stream>
  private let allocator: UnsafeMutablePointer<lzma_allocator>
  private let arena = LZMAArena()

  init() {
    allocator = .allocate(capacity: 1)
    allocator.initialize(to: arena.makeAllocator())
    stream = .allocate(capacity: 1)
    stream.initialize(to: lzma_stream())
    stream.pointee.allocator = UnsafePointer(allocator)
  }

  deinit {
    lzma_end(stream)
    stream.deallocate()
    allocator.deallocate()
  }

  private static let memoryLimit: UInt64 = 64 << 20
  /// Properties and dictionary size; the plain size, 8 bytes, comes next.
  private static let propertiesSize = 5

  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock {
    guard input.count > Self.propertiesSize + 8 else { throw failure(LZMA_FORMAT_ERROR) }
    let size: UInt64 = input.loadUnaligned(fromByteOffset: Self.propertiesSize, as: UInt64.self)
    // Writers disagree on whether to give the size; an end marker comes in either case.
    let expected = UInt64(littleEndian: size)
    guard expected == .max || expected <= UInt64(output.count) else {
      throw failure(LZMA_BUF_ERROR)
    }
    let start = lzma_alone_decoder(stream, Self.memoryLimit)
    guard start == LZMA_OK else { throw failure(start) }
    var header = [UInt8](input.prefix(Self.propertiesSize)) + [UInt8](repeating: 0xff, count: 8)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = output.count
    var status = header.withUnsafeMutableBufferPointer { header in
      stream.pointee.next_in = UnsafePointer(header.baseAddress)
      stream.pointee.avail_in = header.count
      return lzma_code(stream, LZMA_RUN)
    }
    if status == LZMA_OK {
      let body = UnsafeRawBufferPointer(rebasing: input[(Self.propertiesSize + 8)...])
      stream.pointee.next_in = body.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_in = body.count
      status = lzma_code(stream, LZMA_FINISH)
    }
    let written = output.count - stream.pointee.avail_out
    // Without an end marker, all of the input must be used up.
    let isComplete =
      status == LZMA_STREAM_END
      || (stream.pointee.avail_in == 0 && UInt64(written) == expected)
    guard isComplete, expected == .max || UInt64(written) == expected else {
      throw failure(status)
    }
    return UnpackedBlock(count: written, consumed: input.count - stream.pointee.avail_in)
  }

  private func failure(_ status: lzma_ret) -> CodecError {
    CodecError(codec: "lzma", code: Int(status.rawValue))
  }
}

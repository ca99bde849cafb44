import CZlib

/// zlib streams: what the format calls gzip.
final class ZlibCompressor: BlockCompressor {
  // zlib keeps a pointer back to its stream, so the stream must not move.
  private let deflater: UnsafeMutablePointer<z_stream>

  /// - Parameter level: 1 to 9.
  init(level: Int) throws(CodecError) {
    deflater = .allocate(capacity: 1)
    deflater.initialize(to: z_stream())
    let status = deflateInit_(
      deflater, Int32(level), ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw CodecError(codec: "gzip", code: Int(status)) }
  }

  deinit {
    deflateEnd(deflater)
    deflater.deallocate()
  }

  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int? {
    deflateReset(deflater)
    deflater.connect(input, output)
    switch deflate(deflater, Z_FINISH) {
    case Z_STREAM_END: return Int(deflater.pointee.total_out)
    case Z_OK, Z_BUF_ERROR: return nil
    case let status: throw CodecError(codec: "gzip", code: Int(status))
    }
  }
}

/// zlib streams; verifies their Adler-32.
final class ZlibDecompressor: BlockDecompressor {
  private let inflater: UnsafeMutablePointer<z_stream>

  init() throws(CodecError) {
    inflater = .allocate(capacity: 1)
    inflater.initialize(to: z_stream())
    let status = inflateInit_(inflater, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw CodecError(codec: "gzip", code: Int(status)) }
  }

  deinit {
    inflateEnd(inflater)
    inflater.deallocate()
  }

  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock {
    inflateReset(inflater)
    inflater.connect(input, output)
    let status = inflate(inflater, Z_FINISH)
    guard status == Z_STREAM_END else { throw CodecError(codec: "gzip", code: Int(status)) }
    return UnpackedBlock(
      count: Int(inflater.pointee.total_out), consumed: Int(inflater.pointee.total_in))
  }
}

extension UnsafeMutablePointer<z_stream> {
  fileprivate func connect(
    _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
  ) {
    pointee.next_in = UnsafeMutablePointer<UInt8>(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    pointee.avail_in = UInt32(input.count)
    pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    pointee.avail_out = UInt32(output.count)
  }
}

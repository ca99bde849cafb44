import CDeflate

/// zlib streams, which the format calls gzip.
final class DeflateCompressor: BlockCompressor {
  private let compressor: OpaquePointer

  /// - Parameter level: 1 to 12.
  init(level: Int) throws(CodecError) {
    guard let compressor = libdeflate_alloc_compressor(Int32(level)) else {
      throw CodecError.deflateWithoutMemory
    }
    self.compressor = compressor
  }

  deinit { libdeflate_free_compressor(compressor) }

  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int? {
    let written = libdeflate_zlib_compress(
      compressor, input.baseAddress, input.count, output.baseAddress, output.count)
    return written > 0 ? written : nil
  }
}

/// zlib streams; verifies their Adler-32.
final class DeflateDecompressor: BlockDecompressor {
  private let decompressor: OpaquePointer

  init() throws(CodecError) {
    guard let decompressor = libdeflate_alloc_decompressor() else {
      throw CodecError.deflateWithoutMemory
    }
    self.decompressor = decompressor
  }

  deinit { libdeflate_free_decompressor(decompressor) }

  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock {
    var consumed = 0
    var count = 0
    let status = libdeflate_zlib_decompress_ex(
      decompressor, input.baseAddress, input.count, output.baseAddress, output.count, &consumed,
      &count)
    guard status == LIBDEFLATE_SUCCESS else {
      throw CodecError(codec: "gzip", code: Int(status.rawValue))
    }
    return UnpackedBlock(count: count, consumed: consumed)
  }
}

extension CodecError {
  /// libdeflate needs memory only at the start, and has no number for its lack.
  static let deflateMemory = -1

  fileprivate static var deflateWithoutMemory: CodecError {
    CodecError(codec: "gzip", code: deflateMemory)
  }
}

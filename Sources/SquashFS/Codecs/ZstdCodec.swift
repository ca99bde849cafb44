internal import CZstd

/// Zstandard frames, each with its checksum: without one a damaged block can pass unnoticed.
final class ZstdCodec: BlockCodec {
  private let compressor: OpaquePointer
  private var decompressor: OpaquePointer?

  /// - Parameter level: 1 to 22.
  init(level: Int) throws(CodecError) {
    guard let compressor = ZSTD_createCCtx() else { throw CodecError(codec: "zstd", code: 0) }
    ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, Int32(level))
    ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1)
    self.compressor = compressor
  }

  deinit {
    ZSTD_freeCCtx(compressor)
    if let decompressor { ZSTD_freeDCtx(decompressor) }
  }

  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int? {
    let result = ZSTD_compress2(
      compressor, output.baseAddress, output.count, input.baseAddress, input.count)
    guard ZSTD_isError(result) != 0 else { return result }
    let code = ZSTD_getErrorCode(result)
    if code == ZSTD_error_dstSize_tooSmall { return nil }
    throw CodecError(codec: "zstd", code: Int(code.rawValue))
  }

  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int {
    if decompressor == nil { decompressor = ZSTD_createDCtx() }
    guard let decompressor else { throw CodecError(codec: "zstd", code: 0) }
    let result = ZSTD_decompressDCtx(
      decompressor, output.baseAddress, output.count, input.baseAddress, input.count)
    guard ZSTD_isError(result) == 0 else {
      throw CodecError(codec: "zstd", code: Int(ZSTD_getErrorCode(result).rawValue))
    }
    return result
  }
}

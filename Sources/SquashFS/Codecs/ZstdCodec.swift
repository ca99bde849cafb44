import CZstd

/// Zstandard frames, without a checksum: the kernel cannot read a block of whole pages whose
/// checksum lies in a page of its own (`ZstdWatch`).
final class ZstdCompressor: BlockCompressor {
  private let compressor: OpaquePointer

  /// From this level on, zstd keeps its candidates in binary trees.
  private static let firstTreeLevel = 13

  /// - Parameters:
  ///   - level: 1 to 22.
  ///   - largest: the size of the largest block, in bytes.
  init(level: Int, largest: Int) throws(CodecError) {
    guard let compressor = ZSTD_createCCtx() else { throw CodecError.zstdWithoutMemory }
    ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, Int32(level))
    // A root for every fourth byte finds the same matches, and stays in the processor's cache: 5 %
    // less time.
    if level >= Self.firstTreeLevel {
      let hashLog = max(largest.bitWidth - 1 - largest.leadingZeroBitCount - 2, 6)
      ZSTD_CCtx_setParameter(compressor, ZSTD_c_hashLog, Int32(hashLog))
    }
    // At the default level, matches of 96 bytes are long enough: 1 % less time for 0.02 % of size.
    if level == Compression.defaultLevel(of: .zstd) {
      ZSTD_CCtx_setParameter(compressor, ZSTD_c_targetLength, 96)
    }
    self.compressor = compressor
  }

  deinit { ZSTD_freeCCtx(compressor) }

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
}

/// Zstandard frames; verifies a frame's checksum if it has one.
final class ZstdDecompressor: BlockDecompressor {
  private let context: OpaquePointer

  init() throws(CodecError) {
    guard let context = ZSTD_createDCtx() else { throw CodecError.zstdWithoutMemory }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock {
    let frame = ZSTD_findFrameCompressedSize(input.baseAddress, input.count)
    let result =
      ZSTD_isError(frame) == 0
      ? ZSTD_decompressDCtx(context, output.baseAddress, output.count, input.baseAddress, frame)
      : frame
    guard ZSTD_isError(result) == 0 else {
      throw CodecError(codec: "zstd", code: Int(ZSTD_getErrorCode(result).rawValue))
    }
    return UnpackedBlock(count: result, consumed: frame)
  }
}

extension CodecError {
  fileprivate static var zstdWithoutMemory: CodecError {
    CodecError(codec: "zstd", code: Int(ZSTD_error_memory_allocation.rawValue))
  }
}

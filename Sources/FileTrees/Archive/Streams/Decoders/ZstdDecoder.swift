import CZstd

/// .zst, with windows of any size.
final class ZstdDecoder: StreamDecoder {
  private let context: OpaquePointer

  /// The largest possible window, 2 GiB (`zstd --long=31`). A frame's header says how much it
  /// needs, and zstd allocates no more.
  private static let windowLog: Int32 = 31

  init() throws(StreamDamage) {
    guard let context = ZSTD_createDCtx() else { throw StreamDamage(reason: "not enough memory") }
    self.context = context
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLog)
  }

  deinit { ZSTD_freeDCtx(context) }

  func decode(
    _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
  ) throws(StreamDamage) -> Bool {
    var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let left = ZSTD_decompressStream(context, &target, &source)
    input.keepLast(input.count - source.pos)
    output.keepLast(output.count - target.pos)
    guard ZSTD_isError(left) == 0 else {
      throw StreamDamage(reason: String(cString: ZSTD_getErrorName(left)))
    }
    return left == 0
  }
}

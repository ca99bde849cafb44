import CLZ4

/// .lz4 frames, with their checksums.
final class LZ4Decoder: StreamDecoder {
  private let context: OpaquePointer

  init() throws(StreamDamage) {
    var made: OpaquePointer?
    guard LZ4F_isError(LZ4F_createDecompressionContext(&made, UInt32(LZ4F_VERSION))) == 0,
      let made
    else { throw StreamDamage(reason: "not enough memory") }
    context = made
  }

  deinit { LZ4F_freeDecompressionContext(context) }

  func decode(
    _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
  ) throws(StreamDamage) -> Bool {
    var taken = input.count
    var made = output.count
    let left = LZ4F_decompress(
      context, output.baseAddress, &made, input.baseAddress, &taken, nil)
    guard LZ4F_isError(left) == 0 else {
      throw StreamDamage(reason: String(cString: LZ4F_getErrorName(left)))
    }
    input.keepLast(input.count - taken)
    output.keepLast(output.count - made)
    return left == 0
  }
}

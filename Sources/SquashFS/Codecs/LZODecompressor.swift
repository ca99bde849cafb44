import CLZO

/// Raw LZO1X blocks; only Linux appliances and old images have them.
final class LZODecompressor: BlockDecompressor {
  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock {
    var written = lzo_uint(output.count)
    let status = lzo1x_decompress_safe(
      input.baseAddress?.assumingMemoryBound(to: UInt8.self), lzo_uint(input.count),
      output.baseAddress?.assumingMemoryBound(to: UInt8.self), &written, nil)
    guard status == LZO_E_OK else { throw CodecError(codec: "lzo", code: Int(status)) }
    return UnpackedBlock(count: Int(written), consumed: input.count)
  }
}

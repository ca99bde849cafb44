import CLZ4

/// Raw LZ4 blocks.
final class LZ4Compressor: BlockCompressor {
  /// From this level on, the slower "high compression" coder is used.
  static let firstHighLevel = 3

  private let level: Int32
  private let state: UnsafeMutableRawPointer

  /// - Parameter level: 1 or 2 for the fast coder, up to 12 for the high-compression one.
  init(level: Int) {
    self.level = Int32(level)
    let size = level >= Self.firstHighLevel ? LZ4_sizeofStateHC() : LZ4_sizeofState()
    state = .allocate(byteCount: Int(size), alignment: 16)
  }

  deinit { state.deallocate() }

  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int? {
    let source = input.baseAddress?.assumingMemoryBound(to: CChar.self)
    let target = output.baseAddress?.assumingMemoryBound(to: CChar.self)
    let (from, to) = (Int32(input.count), Int32(output.count))
    let written =
      level >= Self.firstHighLevel
      ? LZ4_compress_HC_extStateHC(state, source, target, from, to, level)
      : LZ4_compress_fast_extState(state, source, target, from, to, 1)
    return written > 0 ? Int(written) : nil
  }
}

/// Raw LZ4 blocks, which have no checksum and no end mark.
final class LZ4Decompressor: BlockDecompressor {
  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock {
    let written = LZ4_decompress_safe(
      input.baseAddress?.assumingMemoryBound(to: CChar.self),
      output.baseAddress?.assumingMemoryBound(to: CChar.self),
      Int32(input.count), Int32(output.count))
    guard written >= 0 else { throw CodecError(codec: "lz4", code: Int(written)) }
    return UnpackedBlock(count: Int(written), consumed: input.count)
  }
}

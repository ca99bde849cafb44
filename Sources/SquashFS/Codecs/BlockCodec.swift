/// One compressor with its working memory, kept from block to block; used by one thread at a time.
protocol BlockCodec: AnyObject {
  /// Compresses `input` into `output`.
  ///
  /// - Parameter shape: what the block looks like; a codec may choose its settings by it.
  /// - Returns: the number of bytes written, `nil` where the result does not fit: the block is
  ///   then better stored as it is.
  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int?

  /// Unpacks one block.
  ///
  /// - Returns: the number of bytes written.
  /// - Throws: `CodecError` when the block is damaged or unpacks to more than `output` holds.
  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int
}

/// A failure reported by a compression library.
public struct CodecError: Error, CustomStringConvertible {
  public var codec: String
  /// The library's own error number.
  public var code: Int

  public var description: String { "the \(codec) library failed with error \(code)" }
}

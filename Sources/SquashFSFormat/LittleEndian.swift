extension RawSpan {
  /// The little-endian number at `offset`, which the caller has checked to lie in the span.
  @inline(__always)
  public func little<T: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as type: T.Type = T.self
  ) -> T {
    // Any bytes make a valid number.
    T(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// The byte at `offset`.
  @inline(__always)
  public subscript(offset: Int) -> UInt8 { little(offset) }

  /// Whether the bytes begin with these.
  public func starts(with prefix: some Collection<UInt8>) -> Bool {
    guard byteCount >= prefix.count else { return false }
    for (offset, byte) in prefix.enumerated() where self[offset] != byte { return false }
    return true
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian number at `offset`, which the caller has checked to lie in the buffer.
  @inline(__always)
  public func little<T: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as type: T.Type = T.self
  ) -> T {
    unsafe bytes.little(offset)
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian number at `offset`; the caller has checked that it lies in the buffer.
  @inline(__always)
  public func little<T: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, as type: T.Type = T.self
  ) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    return T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
  }
}

/// Paths in the form the kernel takes.
extension [UInt8] {
  /// Calls `body` with the bytes as a NUL-terminated C string.
  ///
  /// A NUL inside the byte string would cut it short: callers refuse such names first.
  @inlinable
  public func withCPath<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
    try withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { buffer in
      withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      buffer[count] = 0
      return try body(UnsafePointer(buffer.baseAddress!))
    }
  }

  /// The bytes of a NUL-terminated C string.
  @inlinable
  public init(cString pointer: UnsafePointer<CChar>) {
    var count = 0
    while pointer[count] != 0 { count += 1 }
    self = Array(UnsafeRawBufferPointer(start: pointer, count: count))
  }
}

/// Builds one on-disk record in a reusable buffer.
///
/// All numbers of the format are little-endian.
@safe
public struct ByteWriter: ~Copyable {
  private var buffer: UnsafeMutableRawBufferPointer
  /// The number of bytes written since the last `removeAll`.
  public private(set) var count = 0

  public init(capacity: Int = 256) {
    unsafe buffer = .allocate(byteCount: max(capacity, 16), alignment: 8)
  }

  deinit { unsafe buffer.deallocate() }

  /// The bytes written since the last `removeAll`.
  public func withBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try unsafe body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }

  /// Starts the next record.
  public mutating func removeAll() { count = 0 }

  @inline(__always)
  public mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    unsafe buffer.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
    count += MemoryLayout<T>.size
  }

  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    reserve(bytes.count)
    unsafe (buffer.baseAddress! + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  public mutating func append(_ bytes: some Collection<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ unsafe append(UnsafeRawBufferPointer($0)) }) == nil
    {
      for byte in bytes { append(byte) }
    }
  }

  /// Overwrites a number written earlier, `offset` bytes from the record's start.
  public mutating func replace<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, with value: T
  ) {
    precondition(offset + MemoryLayout<T>.size <= count)
    unsafe buffer.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
  }

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if unsafe count + more > buffer.count { grow(count + more) }
  }

  private mutating func grow(_ wanted: Int) {
    let larger = unsafe UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(wanted, buffer.count * 2), alignment: 8)
    unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    unsafe buffer.deallocate()
    unsafe buffer = larger
  }
}

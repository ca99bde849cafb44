import Glibc

/// Buffered standard output, for results of many lines or many bytes.
public struct StandardOutput: ~Copyable {
  private var buffer: [UInt8] = []
  private static let limit = 64 << 10

  public init() { buffer.reserveCapacity(Self.limit + 4096) }

  /// Appends bytes.
  public mutating func write(_ bytes: [UInt8]) throws(SystemError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.limit { try flush() }
  }

  /// Appends text.
  public mutating func write(_ text: String) throws(SystemError) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count >= Self.limit { try flush() }
  }

  /// Appends one byte.
  public mutating func write(byte: UInt8) { buffer.append(byte) }

  /// Appends a number, padded on the left with spaces to `width` characters.
  public mutating func write(_ number: UInt64, width: Int) {
    if number < 10 && width <= 1 {
      buffer.append(UInt8(ascii: "0") + UInt8(number))
      return
    }
    var digits: InlineArray<20, UInt8> = .init(repeating: 0)
    var start = digits.count
    var rest = number
    repeat {
      start -= 1
      digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    } while rest > 0
    for _ in 0..<max(0, width - (digits.count - start)) { buffer.append(UInt8(ascii: " ")) }
    digits.span.withUnsafeBytes {
      buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[start...]))
    }
  }

  /// Appends a name, escaped where it could disturb a terminal.
  public mutating func write(name: [UInt8]) throws(SystemError) {
    if name.isPlainText { try write(name) } else { try write(name.escapedName) }
  }

  /// Writes a large piece at once.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    try flush()
    try Self.writeAll(bytes)
  }

  /// Writes out the buffer.
  public mutating func flush() throws(SystemError) {
    var failure: SystemError?
    buffer.withUnsafeBytes { bytes in
      do throws(SystemError) { try Self.writeAll(bytes) } catch { failure = error }
    }
    buffer.removeAll(keepingCapacity: true)
    if let failure { throw failure }
  }

  private static func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    guard writeFully(STDOUT_FILENO, bytes) else { throw SystemError("write to standard output") }
  }
}

extension [UInt8] {
  /// Whether the bytes are printable ASCII without a backslash, and need no escaping.
  fileprivate var isPlainText: Bool {
    withUnsafeBytes { bytes in
      for byte in bytes where byte < 0x20 || byte >= 0x7f || byte == UInt8(ascii: "\\") {
        return false
      }
      return true
    }
  }
}

extension UInt64 {
  /// The number of decimal digits.
  public var digitCount: Int {
    var count = 1
    var rest = self
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    return count
  }
}

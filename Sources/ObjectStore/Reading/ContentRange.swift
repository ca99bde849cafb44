/// The header that says which bytes an answer has: RFC 9110, section 14.4.
package struct ContentRange: Equatable {
  package var range: Range<UInt64>
  /// The length of the whole object.
  package var total: UInt64

  /// - Parameter value: such as `bytes 0-99/1234`.
  /// - Returns: `nil` if it is anything else, or a contradiction.
  package init?(_ value: String) {
    let parts = value.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].elementsEqual("bytes".utf8) else { return nil }
    let halves = parts[1].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard halves.count == 2, let total = Self.number(halves[1]) else { return nil }
    let ends = halves[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
      first <= last, last < total
    else { return nil }
    range = first..<last + 1
    self.total = total
  }

  private static func number(_ digits: Substring.UTF8View) -> UInt64? {
    guard !digits.isEmpty, digits.count <= 19 else { return nil }
    var value: UInt64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      value = value * 10 + UInt64(digit - 0x30)
    }
    // No file of Linux is longer.
    return value <= UInt64(Int64.max) ? value : nil
  }
}

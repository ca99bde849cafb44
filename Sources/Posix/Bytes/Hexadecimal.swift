/// Arbitrary bytes written as hexadecimal digits.
extension [UInt8] {
  /// Two hexadecimal digits for each byte.
  public var hexadecimal: [UInt8] {
    var digits: [UInt8] = []
    digits.reserveCapacity(2 * count)
    for byte in self {
      digits.append(Self.digit(byte >> 4))
      digits.append(Self.digit(byte & 15))
    }
    return digits
  }

  /// - Returns: `nil` unless `digits` is an even number of hexadecimal digits.
  public init?(hexadecimal digits: ArraySlice<UInt8>) {
    guard digits.count.isMultiple(of: 2) else { return nil }
    self = []
    var rest = digits
    while let high = rest.popFirst(), let low = rest.popFirst() {
      guard let high = Self.value(high), let low = Self.value(low) else { return nil }
      append(high << 4 | low)
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}

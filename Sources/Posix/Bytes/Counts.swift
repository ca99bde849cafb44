/// Numbers as people read them.
extension BinaryInteger {
  /// The number in decimal, with commas between thousands.
  public var grouped: String {
    var text: [UInt8] = []
    let digits = Array(String(self).utf8)
    for (index, digit) in zip(digits.indices, digits) {
      let left = digits.count - index
      if left % 3 == 0, let last = text.last, last != UInt8(ascii: "-") {
        text.append(UInt8(ascii: ","))
      }
      text.append(digit)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The number with its unit: "1 byte", "1,234 bytes".
  public func counted(_ one: String) -> String { "\(grouped) \(one)\(self == 1 ? "" : "s")" }
}

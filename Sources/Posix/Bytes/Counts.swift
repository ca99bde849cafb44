/// Numbers as people read them.
extension BinaryInteger {
  /// The number in decimal, with commas between thousands.
  public var grouped: String {
    var text = ""
    for (index, digit) in String(self).reversed().enumerated() {
      if index > 0 && index % 3 == 0 && digit != "-" { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  /// The number with its unit: "1 byte", "1,234 bytes".
  public func counted(_ one: String) -> String { "\(grouped) \(one)\(self == 1 ? "" : "s")" }
}

import Posix

/// A value to print for programs.
enum JSON {
  case string(String)
  case integer(Int64)
  case number(Double)
  case boolean(Bool)
  case array([JSON])
  /// In the order given.
  case object([(String, JSON)])

  /// A name or path: text where it is UTF-8. Other bytes become U+DC80 to U+DCFF, each for one
  /// byte, as Python's `surrogateescape` reads them.
  static func name(_ bytes: [UInt8]) -> JSON { .string(RawArguments.encode(bytes)) }

  static func integer(_ value: UInt64) -> JSON { .integer(Int64(clamping: value)) }

  /// The value on one line.
  var text: String {
    switch self {
    case .string(let value): Self.quote(value)
    case .integer(let value): String(value)
    case .number(let value): value.rounded(toDigits: 3)
    case .boolean(let value): String(value)
    case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(Self.quote($0.0)): \($0.1.text)" }.joined(separator: ", ") + "}"
    }
  }

  private static func quote(_ value: String) -> String {
    var text = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        text += "\\u" + String(scalar.value, radix: 16).leftPadded(to: 4, with: "0")
      case _ where scalar.value >= 0x10FF80:
        text += "\\udc" + String(scalar.value - 0x10FF00, radix: 16)
      // Nor can what programs read turn a terminal's line around.
      case _ where scalar.value >= 0x80 && scalar.isUnprintable:
        for unit in UTF16.encode(scalar)! {
          text += "\\u" + String(unit, radix: 16).leftPadded(to: 4, with: "0")
        }
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

package import Posix

/// A value to print for programs.
package enum JSON: Sendable {
  case string(String)
  case integer(Int64)
  case number(Double)
  case boolean(Bool)
  case array([JSON])
  /// Keeps the order given.
  case object([(String, JSON)])

  /// A name or path: text if it is UTF-8. Other bytes become U+DC80 to U+DCFF, one for each byte,
  /// as in Python's `surrogateescape`.
  package static func name(_ bytes: [UInt8]) -> JSON { .string(RawArguments.encode(bytes)) }

  /// A name or path.
  package static func name(_ name: some ByteString) -> JSON { .name(name.bytes) }

  /// A number, clamped to 64 bits with a sign.
  package init(_ value: some BinaryInteger) { self = .integer(Int64(clamping: value)) }

  /// Texts.
  package init(_ values: some Sequence<String>) { self = .array(values.map { .string($0) }) }

  /// The value on one line.
  package var text: String {
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
      // Programs' output must not reverse a terminal's line either.
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

extension JSON: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .string(value) }
}

extension JSON: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int64) { self = .integer(value) }
}

extension JSON: ExpressibleByBooleanLiteral {
  package init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension JSON: ExpressibleByArrayLiteral {
  package init(arrayLiteral values: JSON...) { self = .array(values) }
}

extension JSON: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral members: (String, JSON)...) { self = .object(members) }
}

extension StandardOutput {
  /// Appends a value on a line of its own.
  package mutating func write(line json: JSON) throws(SystemError) { try write(json.text + "\n") }
}

/// File names in a form that is safe to print: names are bytes, terminals want text.
extension Sequence<UInt8> {
  /// The bytes with everything escaped that could disturb a terminal or forge a line: control
  /// characters, the backslash and invalid UTF-8, in the style of GNU `ls --escape`. A URL goes
  /// without its query, which may be as good as a password.
  public var escapedName: String {
    var bytes = Array(self)
    if bytes.starts(with: "https://".utf8) || bytes.starts(with: "http://".utf8) {
      bytes = Array(bytes.prefix { $0 != UInt8(ascii: "?") })
    }
    var text = ""
    text.reserveCapacity(bytes.count)
    var rest = bytes[...]
    while let first = rest.first {
      switch first {
      case UInt8(ascii: "\n"): text += "\\n"
      case UInt8(ascii: "\t"): text += "\\t"
      case UInt8(ascii: "\r"): text += "\\r"
      case UInt8(ascii: "\\"): text += "\\\\"
      case 0x20..<0x7f: text.unicodeScalars.append(Unicode.Scalar(first))
      default:
        if first >= 0x80, let (scalar, length) = rest.firstScalar, !scalar.isUnprintable {
          text.unicodeScalars.append(scalar)
          rest = rest.dropFirst(length)
          continue
        }
        text += "\\" + String(first, radix: 8).leftPadded(to: 3, with: "0")
      }
      rest = rest.dropFirst()
    }
    return text
  }
}

extension ArraySlice<UInt8> {
  /// The scalar of a well-formed multi-byte UTF-8 sequence at the start, and its length.
  fileprivate var firstScalar: (Unicode.Scalar, Int)? {
    var decoder = UTF8()
    var iterator = makeIterator()
    guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
    return (scalar, UTF8.width(scalar))
  }
}

extension Unicode.Scalar {
  /// Whether a terminal may act on the character or show another one: C1 controls, line
  /// separators, direction overrides, private use.
  public var isUnprintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
    default: false
    }
  }
}

extension String {
  /// The string, padded on the left with `character` to `width` characters.
  public func leftPadded(to width: Int, with character: Character = " ") -> String {
    String(repeating: character, count: Swift.max(0, width - count)) + self
  }
}

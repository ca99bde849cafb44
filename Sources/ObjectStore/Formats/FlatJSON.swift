/// Reads JSON as far as credentials use it: one object whose values are strings, numbers or words.
package struct FlatJSON {
  /// The longest text, in bytes.
  static let mostBytes = 64 << 10

  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The members, with numbers as they stand there; without those that are `null`.
  ///
  /// - Returns: `nil` if the text is anything else, or too long.
  package static func members(_ bytes: [UInt8]) -> [String: String]? {
    guard bytes.count <= mostBytes, String(validating: bytes, as: UTF8.self) != nil else {
      return nil
    }
    var scanner = FlatJSON(bytes)
    return scanner.object()
  }

  private mutating func object() -> [String: String]? {
    guard skip("{") else { return nil }
    var members: [String: String] = [:]
    var names: Set<String> = []
    if !skip("}") {
      repeat {
        guard skip("\""), let name = string(), skip(":"), names.insert(name).inserted else {
          return nil
        }
        if skip("\"") {
          guard let value = string() else { return nil }
          members[name] = value
        } else {
          guard let word = word() else { return nil }
          if word != "null" { members[name] = word }
        }
      } while skip(",")
      guard skip("}") else { return nil }
    }
    skipSpace()
    return position == bytes.count ? members : nil
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) {
      position += 1
    }
  }

  /// Skips space and a mark.
  ///
  /// - Returns: whether it was there.
  private mutating func skip(_ mark: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: mark) else { return false }
    position += 1
    return true
  }

  /// A number, `true`, `false` or `null`.
  private mutating func word() -> String? {
    let word = bytes[position...].prefix {
      Character(Unicode.Scalar($0)).isLetter || (0x30...0x39).contains($0)
        || "+-.".utf8.contains($0)
    }
    position = word.endIndex
    let text = String(decoding: word, as: UTF8.self)
    guard ["true", "false", "null"].contains(text) || Double(text)?.isFinite == true else {
      return nil
    }
    return text
  }

  /// The rest of a string, behind its first quotation mark.
  private mutating func string() -> String? {
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        text += Array(String(scalar).utf8)
      case ..<0x20: return nil
      default: text.append(byte)
      }
    }
    return nil
  }

  /// What stands behind a backslash.
  private mutating func escape() -> Unicode.Scalar? {
    guard position < bytes.count else { return nil }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      guard let first = unit() else { return nil }
      guard (0xd800..<0xdc00).contains(first) else { return Unicode.Scalar(first) }
      guard bytes[position...].starts(with: "\\u".utf8) else { return nil }
      position += 2
      guard let second = unit(), (0xdc00..<0xe000).contains(second) else { return nil }
      return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    default: return nil
    }
  }

  /// The four digits of a UTF-16 code unit.
  private mutating func unit() -> UInt32? {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-")
    else { return nil }
    position += 4
    return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}

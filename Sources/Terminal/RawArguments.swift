import Posix

/// Command-line arguments that preserve bytes outside UTF-8.
///
/// Swift strings, and so argument parsers, hold only UTF-8. Other bytes become characters of a
/// private range, U+10FF00 to U+10FFFF, and `decode` turns them back. So do bytes that could
/// disturb a terminal: a parser repeats in its messages what it rejects.
package enum RawArguments {
  private static let base: UInt32 = 0x10FF00
  /// User input from here on is also encoded byte by byte; one of these characters marks arguments.
  private static let reserved: UInt32 = 0x10FE00

  /// Marks an argument; user input never contains it.
  package static let mark: Unicode.Scalar = "\u{10FE00}"

  /// The process's arguments, without the program's name.
  package static func encoded() -> [String] {
    ProcessArguments.all.dropFirst().map { encode($0) { !$0.isUnprintable } }
  }

  /// Bytes as text, for `decode` and `printable`.
  ///
  /// - Parameter isPlain: whether to keep a character unchanged.
  package static func encode(
    _ bytes: some Collection<UInt8>, isPlain: (Unicode.Scalar) -> Bool = { _ in true }
  ) -> String {
    var text = String.UnicodeScalarView()
    var rest = Array(bytes)[...]
    while let byte = rest.first {
      var decoder = UTF8()
      var iterator = rest.makeIterator()
      if case .scalarValue(let scalar) = decoder.decode(&iterator), scalar.value < reserved,
        isPlain(scalar)
      {
        text.append(scalar)
        rest = rest.dropFirst(UTF8.width(scalar))
      } else {
        text.append(Unicode.Scalar(base + UInt32(byte))!)
        rest = rest.dropFirst()
      }
    }
    return String(text)
  }

  /// The bytes passed to `encode`.
  package static func decode(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      if scalar.value >= base {
        bytes.append(UInt8(scalar.value - base))
      } else {
        bytes.append(contentsOf: UTF8.encode(scalar)!)
      }
    }
    return bytes
  }

  /// A message safe to print: arguments in it are escaped as names are, and so is anything else
  /// that could disturb a terminal. Its own newlines stay.
  package static func printable(_ message: String) -> String {
    if message.utf8.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == UInt8(ascii: "\n") }) {
      return message
    }
    var text = ""
    for scalar in message.unicodeScalars {
      switch scalar {
      case "\n",
        _ where !scalar.isUnprintable:
        text.unicodeScalars.append(scalar)
      case mark: break
      case _ where scalar.value >= base: text += [UInt8(scalar.value - base)].escapedName
      default:
        for byte in UTF8.encode(scalar)! {
          text += "\\" + String(byte, radix: 8).leftPadded(to: 3, with: "0")
        }
      }
    }
    return text
  }
}

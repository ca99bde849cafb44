import ArgumentParser
import Posix

/// Command-line arguments that keep bytes which are not UTF-8.
///
/// Swift strings, and so the argument parser, hold only UTF-8. Bytes that are not are carried as
/// characters of a private range, U+10FF00 to U+10FFFF, and turned back in `ByteArgument`.
enum RawArguments {
  private static let base: UInt32 = 0x10FF00
  /// From here on, what a user types is carried byte by byte as well; one of these marks arguments.
  private static let reserved: UInt32 = 0x10FE00

  /// The process's arguments without the program's name.
  static func encoded() -> [String] { ProcessArguments.all.dropFirst().map { encode($0) } }

  static func encode(_ bytes: some Collection<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    var rest = Array(bytes)[...]
    while let byte = rest.first {
      var decoder = UTF8()
      var iterator = rest.makeIterator()
      if case .scalarValue(let scalar) = decoder.decode(&iterator), scalar.value < reserved {
        text.append(scalar)
        rest = rest.dropFirst(UTF8.width(scalar))
      } else {
        text.append(Unicode.Scalar(base + UInt32(byte))!)
        rest = rest.dropFirst()
      }
    }
    return String(text)
  }

  static func decode(_ text: String) -> [UInt8] {
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
}

/// An argument as the bytes the user typed: a path, a name or a pattern.
struct ByteArgument: ExpressibleByArgument, Equatable {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  init?(argument: String) { bytes = RawArguments.decode(argument) }
}

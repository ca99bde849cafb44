import Posix

/// The path of an entry from the image's root, which has the empty path: names joined by slashes.
/// Names are bytes, as in Linux, and need not be UTF-8.
public struct ImagePath: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The path as given. It is not checked until it is used.
  public let bytes: [UInt8]

  /// The path from a text, in UTF-8.
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The path with these bytes.
  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// The path from a text, in UTF-8.
  public init(stringLiteral text: String) { self.init(text) }

  /// The last name; empty for the root.
  public var name: [UInt8] { Array(bytes.lastPathComponent) }

  /// The path in a form that is safe to print: bytes outside UTF-8 and characters with a meaning
  /// for terminals are escaped.
  public var description: String { bytes.escapedName }

  /// The path of an entry of this directory.
  func appending(_ path: [UInt8]) -> ImagePath {
    bytes.isEmpty ? ImagePath(bytes: path) : ImagePath(bytes: bytes + [pathSeparator] + path)
  }
}

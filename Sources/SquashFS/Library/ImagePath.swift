internal import Posix

/// The path of an entry of an image, from the image's root, which is the empty path: names with
/// slashes between them. Names are bytes, as Linux has them, and need not be UTF-8.
public struct ImagePath: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The path as it is stored. Nothing about it is checked until it is used.
  public let bytes: [UInt8]

  /// The path with the bytes of a text in UTF-8.
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The path with these bytes.
  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// The path with the bytes of a text in UTF-8.
  public init(stringLiteral text: String) { self.init(text) }

  /// The last name; empty for the root.
  public var name: [UInt8] { Array(bytes.lastPathComponent) }

  /// The path for people: bytes that are not UTF-8, and characters that are commands to a terminal,
  /// are escaped.
  public var description: String { bytes.escapedName }

  /// The path of an entry of this directory.
  func appending(_ path: [UInt8]) -> ImagePath {
    bytes.isEmpty ? ImagePath(bytes: path) : ImagePath(bytes: bytes + [pathSeparator] + path)
  }
}

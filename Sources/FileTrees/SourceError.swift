internal import Posix

/// Why a source cannot be turned into a tree.
public struct SourceError: Error, CustomStringConvertible {
  /// What a program may want to tell apart.
  public enum Code: Sendable {
    /// The input cannot be opened, read or understood.
    case unreadable
    /// The input ends too early or is damaged.
    case damaged
    /// An entry may not be in an image, or not at its place.
    case refused
  }

  public var code: Code
  /// The file or the entry it is about, as bytes.
  public var path: [UInt8]
  /// What is wrong, and what to do.
  public var message: String

  public init(_ code: Code, path: [UInt8], _ message: String) {
    self.code = code
    self.path = path
    self.message = message
  }

  public var description: String { "\(path.escapedName): \(message)" }
}

/// A file of a source that could not be read; with `--ignore-unreadable` it is left out.
struct UnreadableFile: Error {
  var reason: SourceError
}

import Posix
import TreeModel

/// Why an image cannot be made, or an entry cannot be added.
public struct ImageWriteError: Error, CustomStringConvertible, Sendable {
  /// The kinds of errors, for programs.
  public enum Code: Sendable {
    /// The system failed to write.
    case unwritable
    /// An option that is impossible for an image.
    case invalidOption
    /// A path or a link's target that Linux would not accept.
    case invalidPath
    /// The path already has an entry, or has a file where it needs a directory.
    case exists
    /// The path has no entry.
    case notFound
    /// More than the format can hold.
    case tooLarge
  }

  /// The kind of error.
  public let code: Code
  /// What is wrong.
  public let message: String

  /// The message.
  public var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  init(_ error: any Error) {
    switch error {
    case let error as ImageWriteError: self = error
    case let error as ImageError: self.init(.tooLarge, error.description)
    case let error as ContentTooLarge: self.init(.tooLarge, error.reason)
    case let error as SystemError:
      self.init(.unwritable, "\(error.path.escapedName): \(error)")
    default: self.init(.unwritable, "\(error)")
    }
  }
}

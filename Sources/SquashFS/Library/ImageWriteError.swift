internal import Posix
internal import TreeModel

/// Why an image cannot be made, or an entry not be added.
public struct ImageWriteError: Error, CustomStringConvertible, Sendable {
  /// The kinds of errors, for programs.
  public enum Code: Sendable {
    /// The system did not let us write.
    case unwritable
    /// An option that an image cannot have.
    case invalidOption
    /// A path or a link's target that Linux would not take.
    case invalidPath
    /// There is an entry of that path already, or a file where a directory would have to be.
    case exists
    /// There is no entry of that path.
    case notFound
    /// More than the format can hold.
    case tooLarge
  }

  /// Which kind of error it is.
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

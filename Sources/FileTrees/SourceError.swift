import Posix

/// Why a source cannot be turned into a tree.
public struct SourceError: Error, CustomStringConvertible {
  /// Errors that a program may want to tell apart.
  public enum Code: Sendable {
    /// The input cannot be opened, read or understood.
    case unreadable
    /// Something wrote to the input during reading.
    case changed
    /// The input is damaged.
    case damaged
    /// The input ends too early.
    case cutOff
    /// An entry must not be in an image, or not at its place.
    case refused
  }

  public var code: Code
  /// The file or entry involved, as bytes.
  public var path: [UInt8]
  /// What is wrong.
  public var cause: String
  /// What to do about it, in any command.
  public var hint: String?
  /// What to do in some commands, best first.
  public var remedies: [Remedy]

  public init(
    _ code: Code, path: [UInt8], _ cause: String, hint: String? = nil, remedies: [Remedy] = []
  ) {
    self.code = code
    self.path = path
    self.cause = cause
    self.hint = hint
    self.remedies = remedies
  }

  static func changed(_ path: [UInt8]) -> SourceError {
    SourceError(
      .changed, path: path, "changed while it was read", hint: "try again when nothing writes to it"
    )
  }

  /// What is wrong and what to do.
  ///
  /// - Parameter takes: whether the printing command offers a remedy.
  public func message(takes: (Remedy) -> Bool) -> String {
    let remedy = remedies.first(where: takes)
    let advice = [hint, remedy?.advice].compactMap { $0 }.joined(separator: ", or ")
    return advice.isEmpty ? cause : "\(cause); \(advice)"
  }

  /// The message for no command in particular.
  public var description: String { "\(path.escapedName): \(message { _ in false })" }
}

/// A file of a source that could not be read; `--ignore-unreadable` skips it.
package struct UnreadableFile: Error {
  package var reason: SourceError
}

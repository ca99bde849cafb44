import ArgumentParser
import Terminal

/// An argument as the bytes the user typed: a path, a name or a pattern.
struct ByteArgument: ExpressibleByArgument, Equatable {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  init?(argument: String) { bytes = RawArguments.decode(argument) }

  /// Refuses an empty name, which would mean the top of an image, or nothing.
  ///
  /// - Parameter what: what is missing a name, with its article.
  /// - Throws: `ValidationError`.
  func refuseEmpty(_ what: String) throws { try Self.refuseEmpty(bytes, what) }

  /// Refuses an empty name that is only part of its argument.
  static func refuseEmpty(_ name: [UInt8]?, _ what: String) throws {
    guard name?.isEmpty == true else { return }
    throw ValidationError("\(what) without a name; a variable in the command may be empty.")
  }
}

import ArgumentParser
import Terminal

/// An argument as the bytes the user typed: a path, a name or a pattern.
struct ByteArgument: ExpressibleByArgument, Equatable {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  init?(argument: String) { bytes = RawArguments.decode(argument) }

  /// Refuses a name that is empty, which would stand for the top of an image, or for nothing.
  ///
  /// - Parameter what: the thing that should have a name, with its article.
  /// - Throws: `ValidationError`.
  func refuseEmpty(_ what: String) throws { try Self.refuseEmpty(bytes, what) }

  /// The same for a name that was taken out of its argument.
  static func refuseEmpty(_ name: [UInt8]?, _ what: String) throws {
    guard name?.isEmpty == true else { return }
    throw ValidationError("\(what) without a name; a variable in the command may be empty.")
  }
}

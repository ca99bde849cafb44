import Posix

/// A user's pattern to choose entries.
public struct SelectionPattern: Sendable {
  /// Where it came from.
  public enum Origin: Sendable, Equatable {
    case exclude
    /// In this file.
    case excludeFrom([UInt8])
    case include
  }

  public let glob: Glob
  public let origin: Origin

  public init(_ glob: Glob, _ origin: Origin) {
    self.glob = glob
    self.origin = origin
  }

  /// The option with its pattern.
  var text: String { option + glob.pattern.escapedName }

  /// The option before the pattern.
  var option: String {
    switch origin {
    case .exclude: "--exclude "
    case .excludeFrom(let file): "--exclude-from \(file.escapedName): "
    case .include: "--include "
    }
  }
}

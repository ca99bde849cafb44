/// What a user can do about an error, if the command has that option, or is the right one.
public enum Remedy: Sendable {
  case ignoreUnreadable
  case exclude
  case ownership
  case allowTruncated
  case ignoreZeros
  /// A command line that packs instead; only `pack` should suggest it.
  case packDirectory(String)

  /// The option's name; `nil` if the remedy concerns `pack` itself.
  public var option: String? {
    switch self {
    case .ignoreUnreadable: "--ignore-unreadable"
    case .exclude: "--exclude"
    case .ownership: "--ownership"
    case .allowTruncated: "--allow-truncated"
    case .ignoreZeros: "--ignore-zeros"
    case .packDirectory: nil
    }
  }

  /// The advice, for the end of a sentence.
  var advice: String {
    switch self {
    case .ignoreUnreadable: "leave such files out with --ignore-unreadable"
    case .exclude: "leave it out with --exclude"
    case .ownership: "use another --ownership"
    case .allowTruncated: "take the part before that with --allow-truncated"
    case .ignoreZeros: "read it as well with --ignore-zeros"
    case .packDirectory(let command): "put it into a directory: \(command)"
    }
  }
}

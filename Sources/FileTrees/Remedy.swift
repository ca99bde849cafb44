/// What a user can do about an error with an option, if the command has that option.
public enum Remedy: Sendable {
  case ignoreUnreadable
  case exclude
  case ownership
  case allowTruncated
  case ignoreZeros

  /// The option's name.
  public var option: String {
    switch self {
    case .ignoreUnreadable: "--ignore-unreadable"
    case .exclude: "--exclude"
    case .ownership: "--ownership"
    case .allowTruncated: "--allow-truncated"
    case .ignoreZeros: "--ignore-zeros"
    }
  }

  /// What to do, for the end of a sentence.
  var advice: String {
    switch self {
    case .ignoreUnreadable: "leave such files out with \(option)"
    case .exclude: "leave it out with \(option)"
    case .ownership: "use another \(option)"
    case .allowTruncated: "take what comes before with \(option)"
    case .ignoreZeros: "read it as well with \(option)"
    }
  }
}

/// Which extended attributes go from a source into an image, or out of it.
public enum XattrPolicy: Sendable {
  /// All but those that say something of the machine they were made on.
  case usual
  case all
  case none
  /// Those whose names match one of these patterns.
  case only([Glob])

  /// What `usual` leaves out: labels of SELinux, where a browser fetched a file from, and what
  /// macOS notes.
  static let local = ["security.selinux", "user.xdg.*", "com.apple.*", "user.com.apple.*"]
    .map { Glob(Array($0.utf8)) }

  /// - Parameter text: `all`, `none`, or patterns with commas between.
  /// - Returns: `nil` where there is none.
  public init?(parsing text: [UInt8]) {
    switch String(decoding: text, as: UTF8.self) {
    case "all": self = .all
    case "none": self = .none
    default:
      let patterns = text.split(separator: UInt8(ascii: ",")).map { Glob(Array($0)) }
      guard !patterns.isEmpty else { return nil }
      self = .only(patterns)
    }
  }

  /// Whether an attribute stays.
  public func takes(_ name: [UInt8]) -> Bool {
    switch self {
    case .all: true
    case .none: false
    case .usual: !Self.local.contains { $0.matches(name[...]) }
    case .only(let patterns): patterns.contains { $0.matches(name[...]) }
    }
  }
}

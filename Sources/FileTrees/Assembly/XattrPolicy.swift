/// Which extended attributes to keep on the way into or out of an image.
public enum XattrPolicy: Sendable {
  /// All but those about the machine they were made on.
  case usual
  case all
  case none
  /// Those whose names match one of these patterns.
  case only([Glob])

  /// The attributes that `usual` drops: SELinux labels, where a browser fetched a file from, and
  /// notes by macOS.
  static let local = ["security.selinux", "user.xdg.*", "com.apple.*", "user.com.apple.*"]
    .map { Glob(Array($0.utf8)) }

  /// - Parameter text: `all`, `none`, or patterns with commas between.
  /// - Returns: `nil` if there is none.
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

  /// Whether to keep an attribute.
  public func takes(_ name: [UInt8]) -> Bool {
    switch self {
    case .all: true
    case .none: false
    case .usual: !Self.local.contains { $0.matches(name[...]) }
    case .only(let patterns): patterns.contains { $0.matches(name[...]) }
    }
  }
}

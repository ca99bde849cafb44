internal import Glibc
public import Posix

/// Where an overlay was before, so that the links that were made then are known for its own.
public struct EarlierOverlay: Sendable {
  /// The folder of the overlay as it was, an absolute path.
  public let path: HostPath
  /// The directories in which links were put; `nil` where that is not remembered, and a user says
  /// that the overlay was there.
  private let places: Set<RelativePath>?
  let link: LinkText

  public init(path: HostPath, places: Set<RelativePath>?) {
    self.path = path
    self.places = places
    link = LinkText(overlay: path)
  }

  /// Whether a user has named it.
  public var isNamed: Bool { places == nil }

  /// Whether a link is one that was made for a path below the root: of that very text, of a user
  /// that makes them, in a directory where some were made.
  ///
  /// - Parameter status: of the link.
  func hasMade(_ text: [UInt8], _ status: stat, at path: RelativePath) -> Bool {
    [0, geteuid()].contains(status.st_uid) && places?.contains(path.parent) != false
      && text == link.text(for: path)
  }
}

import Glibc
public import Posix

/// An earlier location of an overlay, to recognize the links made then as its own.
public struct EarlierOverlay: Sendable {
  /// The overlay's former folder, an absolute path.
  public let path: HostPath
  /// The directories that received links; `nil` if that is forgotten and a user says that the
  /// overlay was there.
  private let places: Set<RelativePath>?
  let link: LinkText

  public init(path: HostPath, places: Set<RelativePath>?) {
    self.path = path
    self.places = places
    link = LinkText(overlay: path)
  }

  /// Whether a user has named it.
  public var isNamed: Bool { places == nil }

  /// Whether a link was made for a path below the root: it has that very text, belongs to a user
  /// who makes them, and is in a directory that received some.
  ///
  /// - Parameter status: the link's status.
  func hasMade(_ text: [UInt8], _ status: stat, at path: RelativePath) -> Bool {
    [0, geteuid()].contains(status.st_uid) && places?.contains(path.parent) != false
      && text == link.text(for: path)
  }
}

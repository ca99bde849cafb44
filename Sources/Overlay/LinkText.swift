import Posix

/// The targets of links into an overlay.
struct LinkText {
  private let overlay: HostPath

  /// - Parameter overlay: the folder of the overlay, an absolute path.
  init(overlay: HostPath) { self.overlay = overlay }

  /// The target of the link for a path below the root.
  func text(for path: RelativePath) -> [UInt8] { overlay.appending(path).bytes }

  /// The path below the overlay's root in a link's target; `nil` for other links, and for those
  /// that lead out again.
  func path(of text: [UInt8]) -> RelativePath? {
    guard HostPath(text).isAtOrBelow(overlay) else { return nil }
    let names = text.dropFirst(overlay.bytes.count).pathComponents.map {
      Name(unchecked: Array($0))
    }
    if names.isEmpty || names.contains(.parent) { return nil }
    return RelativePath(names.filter { $0 != .current })
  }
}

/// The texts of links into an overlay.
struct LinkText {
  private let prefix: [UInt8]

  /// - Parameter overlay: the folder of the overlay, an absolute path.
  init(overlay: [UInt8]) { prefix = overlay + [UInt8(ascii: "/")] }

  /// The text of the link for a path below the root.
  func text(for path: [UInt8]) -> [UInt8] { prefix + path }

  /// The path below the overlay's root that a link's text stands for; `nil` for other links, and
  /// for those that lead out again.
  func path(of text: [UInt8]) -> [UInt8]? {
    guard text.starts(with: prefix) else { return nil }
    let parts = text.dropFirst(prefix.count).split(separator: UInt8(ascii: "/"))
    if parts.isEmpty || parts.contains(where: { $0.elementsEqual("..".utf8) }) { return nil }
    return Array(
      parts.filter { !$0.elementsEqual(".".utf8) }.joined(separator: [UInt8(ascii: "/")]))
  }
}

public import TreeModel

/// A tree, and what is known of the contents of its files.
public struct DigestedTree {
  public var tree: Tree
  /// By the number of the `ContentID`.
  public var contents: [DigestSink.Content?]
  /// What the source does not tell, of some or all files.
  public var unknown: Set<Aspect>

  public init(_ tree: Tree, _ sink: DigestSink, unknown: Set<Aspect> = []) {
    self.tree = tree
    contents = sink.contents
    self.unknown = unknown
  }

  func content(_ id: ContentID) -> DigestSink.Content? {
    Int(id.number) < contents.count ? contents[Int(id.number)] : nil
  }
}

/// What can differ between two files of the same name.
public enum Aspect: String, CaseIterable, Sendable {
  case type, mode, owner, mtime, size, content, target, device, xattrs, links
  /// Whether there is a socket at all.
  case sockets
}

public import TreeModel

/// A tree with what is known about its files' contents.
public struct DigestedTree {
  public var tree: Tree
  /// Indexed by the number of the `ContentID`.
  public var contents: [DigestSink.Content?]
  /// Aspects that the source does not give for some or all files.
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

/// What can differ between two files with the same name.
public enum Aspect: String, CaseIterable, Sendable {
  case type, mode, owner, mtime, size, content, target, device, xattrs, links
  /// Whether there is a socket at all.
  case sockets
}

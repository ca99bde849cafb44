import Posix
import TreeModel

extension TreeAssembler {
  /// A hard link whose target has not come yet.
  struct PendingLink {
    var parent: Tree.NodeID
    var name: [UInt8]
    /// The link's own place in the tree.
    var place: [UInt8]
    var target: [UInt8]
    var source: [UInt8]
  }

  func addLink(
    _ name: Range<Int>, in parent: Tree.NodeID, _ existing: Tree.NodeID?, _ entry: TreeEntry,
    _ target: [UInt8], _ hasContent: Bool, _ readContent: (any ContentSink) throws -> Void
  ) throws {
    if case .there(let node) = try find(target, entry.path) {
      guard !tree.isDirectory(node) else {
        throw refused(entry, "a hard link to a directory, \(target.escapedName)")
      }
      let inode = tree.inode(of: node)
      if hasContent, case .regular = tree[inode].kind {
        tree[inode].kind = .regular(try take(nil, readContent))
      }
      guard node != existing else { return }  // a link to itself
      try replace(existing, entry)
      tree[inode].links += 1
      addNode(name, in: parent, inode)
      return
    }
    try replace(existing, entry)
    pending.append(
      PendingLink(
        parent: parent, name: Array(path.bytes[name]), place: placedPath(to: name),
        target: target, source: entry.path))
  }

  /// The target of a hard link.
  private enum Target {
    case there(Tree.NodeID)
    /// Nothing so far, at this place in the tree; outside it if the place is empty.
    case missing(place: [UInt8])
  }

  /// Looks up a hard link's target, whose path is placed like the entry's own.
  private func find(_ target: [UInt8], _ entry: [UInt8]) throws -> Target {
    try parse(target, into: &linkPath, of: entry)
    guard let names = place(linkPath) else { return .missing(place: []) }
    var node: Tree.NodeID? = tree.root
    for name in names {
      guard let parent = node else { break }
      node = linkPath.bytes.withUnsafeBytes { bytes in
        tree.child(of: parent, named: UnsafeRawBufferPointer(rebasing: bytes[name]))
      }
    }
    if let node = node
      ?? LinkedPath(tree).node(
        at: names.map({ linkPath.bytes[$0] }), &linkSteps)
    {
      return .there(node)
    }
    guard let first = names.first, let last = names.last else { return .missing(place: []) }
    return .missing(place: Array(linkPath.bytes[first.lowerBound..<last.upperBound]))
  }

  /// Resolves links whose targets came later; a target may be such a link itself.
  func resolvePendingLinks() throws {
    var ready: [PendingLink] = []
    var waiting: [[UInt8]: [PendingLink]] = [:]
    for link in pending {
      switch try find(link.target, link.source) {
      case .there: ready.append(link)
      case .missing(let place): waiting[place, default: []].append(link)
      }
    }
    while let link = ready.popLast() {
      try resolve(link)
      ready += waiting.removeValue(forKey: link.place) ?? []
    }
    for link in pending {
      guard case .missing = try find(link.target, link.source) else { continue }
      let way = link.target.pathComponents.filter { $0 != [UInt8(ascii: ".")] }
      if let through = LinkedPath(tree).symlink(on: way) {
        throw SourceError(
          .refused, path: link.source,
          "a hard link to \(link.target.escapedName), and \(through.escapedName) on the way is a "
            + "symbolic link that does not lead there")
      }
      throw SourceError(
        .refused, path: link.source,
        "a hard link to \(link.target.escapedName), which is not among the entries\(excludedHint)")
    }
  }

  private func resolve(_ link: PendingLink) throws {
    guard case .there(let node) = try find(link.target, link.source) else { return }
    guard !tree.isDirectory(node) else {
      throw SourceError(
        .refused, path: link.source, "a hard link to a directory, \(link.target.escapedName)")
    }
    guard !tree.isRemoved(link.parent) else {
      throw SourceError(
        .refused, path: link.source, "its directory was replaced by a later entry of the same name")
    }
    link.name.withUnsafeBytes { name in
      // An entry of the same name that came after the link wins.
      guard tree.child(of: link.parent, named: name) == nil else {
        noteReplacement(link.place)
        return
      }
      let inode = tree.inode(of: node)
      tree[inode].links += 1
      tree.addNode(name, in: link.parent, inode: inode)
    }
  }

  /// The place in the tree of the current entry, up to `name`.
  private func placedPath(to name: Range<Int>) -> [UInt8] {
    let first = place(path)?.first ?? name
    return Array(path.bytes[first.lowerBound..<name.upperBound])
  }

  private var excludedHint: String {
    notes.leftOut > 0 ? " (the options left some out)" : "; the archive is incomplete"
  }
}

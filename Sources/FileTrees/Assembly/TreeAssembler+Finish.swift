import Posix
public import TreeModel

extension TreeAssembler {
  /// Completes the tree: late hard links, times of parents without an entry, the root.
  ///
  /// - Throws: `SourceError` for a hard link whose target or bytes never came.
  public func finish() throws -> Tree {
    notes.pathsInOrder = options.order.count
    try resolvePendingLinks()
    try resolveAwaited()
    if options.separatesHardLinks { notes.separatedLinks = tree.separateHardLinks() }
    let top = keepsTop ? topNode : nil
    removeUnneeded(but: top)
    for node in tree.liveNodes { fixMissingParent(tree.inode(of: node)) }
    fixMissingParent(tree.inode(of: tree.root))
    if let top {
      notes.strippedTop = Array(tree.name(of: top))
      tree.root = top
    }
    notes.tookNothing = tree.isEmptyDirectory(tree.root)
    notes.patterns.isRootOfSource = keepsTop && self.top.directory == nil
    if notes.tookNothing { noteMistakenRoot() }
    if let name = options.sourceName { notes.patterns.suggest(tree, of: name) }
    notes.replaced.place(without: notes.strippedTop, below: options.selection.prefix)
    var attributes = Self.missingDirectory(options)
    attributes.modified = newest
    tree.placeRoot(at: options.selection.prefix, attributes: attributes)
    notes.closed = ClosedPlaces(of: tree)
    return tree
  }

  /// The newest time of an entry, in seconds since 1970.
  public var newestTime: UInt32 { UInt32(clamping: newest) }

  private func fixMissingParent(_ inode: Tree.InodeID) {
    let isUnknown = tree[inode].attributes.modified == Attributes.unknownTime
    if isUnknown || tree[inode].origin == .missingParent {
      tree[inode].attributes.modified = newest
    }
  }

  /// Removes directories that matched no include pattern and hold nothing that did.
  private func removeUnneeded(but top: Tree.NodeID?) {
    guard !options.selection.includes.isEmpty else { return }
    for node in tree.liveNodesReversed
    where tree.isDirectory(node) && tree.isEmptyDirectory(node) && node != top {
      if tree[tree.inode(of: node)].origin != .entry { tree.remove(node) }
    }
  }

  /// The archive's single top directory, which becomes the root.
  private var topNode: Tree.NodeID? {
    guard let name = top.directory else { return nil }
    let node = name.withUnsafeBytes { tree.child(of: tree.root, named: $0) }
    return node.flatMap { tree.isDirectory($0) ? $0 : nil }
  }

  /// Notes the mistake in a --root-becomes that names the archive's top, which is stripped.
  private func noteMistakenRoot() {
    let path = options.selection.rootBecomes
    if let name = options.sourceName { return noteMistakenRoot(of: name) }
    guard let top = top.directory, let first = path.first, first == top else { return }
    let given = "--root-becomes \(Self.joined(path).escapedName) matches nothing"
    if path.count == 1 {
      notes.mistakenRoot = "\(given): \(top.escapedName)/ is the image's root already"
    } else if matchesRootFromSource {
      let rest = Self.joined(Array(path.dropFirst())).escapedName
      notes.mistakenRoot = "\(given): it begins at the image's root; \(rest) would match"
    }
  }

  /// Notes the mistake in a --root-becomes that names the source directory.
  private func noteMistakenRoot(of name: SourceName) {
    let path = options.selection.rootBecomes
    let given = "--root-becomes \(Self.joined(path).escapedName) matches nothing"
    let rest = Array(path.dropFirst(name.leadingComponents(of: path.map { $0[...] })))
    if rest.count < path.count && name.has(rest) {
      let wouldMatch = "\(Self.joined(rest).escapedName) would match"
      notes.mistakenRoot = "\(given): it begins at the image's root; \(wouldMatch)"
    } else if let own = path.last, name.isNamed(by: path) {
      notes.mistakenRoot = "\(given): \(own.escapedName)/ is the image's root already"
    }
  }

  private static func joined(_ path: [[UInt8]]) -> [UInt8] {
    path.joinedPath
  }
}

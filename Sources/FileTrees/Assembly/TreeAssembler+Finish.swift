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
    removeUnneeded()
    notes.tookNothing = tree.isEmptyDirectory(tree.root)
    for node in tree.liveNodes { fixMissingParent(tree.inode(of: node)) }
    fixMissingParent(tree.inode(of: tree.root))
    if options.stripsSingleTop, options.selection.stripping == .auto,
      options.selection.rootBecomes.isEmpty, !hasRootEntry
    {
      stripSingleTop()
    }
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

  /// Takes out directories that no include pattern matched and nothing needed.
  private func removeUnneeded() {
    guard !options.selection.includes.isEmpty else { return }
    for node in tree.liveNodesReversed
    where tree.isDirectory(node) && tree.isEmptyDirectory(node) {
      if tree[tree.inode(of: node)].origin != .entry { tree.remove(node) }
    }
  }

  private func stripSingleTop() {
    guard !hasSeveralTops else { return }
    var top: Tree.NodeID?
    for node in tree.liveNodes where tree.parent(of: node) == tree.root {
      guard top == nil else { return }
      top = node
    }
    guard let top, tree.isDirectory(top) else { return }
    notes.strippedTop = Array(tree.name(of: top))
    tree.root = top
  }
}

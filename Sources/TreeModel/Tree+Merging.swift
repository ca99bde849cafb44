/// How a tree marks what to remove from the trees below it.
public enum Whiteouts: String, Sendable {
  /// As in layers of OCI images: a file `.wh.NAME` removes NAME, `.wh..wh..opq` everything that
  /// its directory had.
  ///
  /// Source: OCI image specification, "Representing Changes".
  case oci
}

extension Tree {
  /// Puts another tree on top of this one: where both have a name, the other's entry wins; two
  /// directories are merged and get the other's attributes, if it has any.
  ///
  /// One sink must have numbered the contents of both.
  ///
  /// - Parameter report: called with this tree and each of its entries about to be replaced or
  ///   removed.
  public mutating func merge(
    _ other: Tree, whiteouts: Whiteouts? = nil, report: (Tree, NodeID) -> Void = { _, _ in }
  ) {
    var merging = TreeMerging(onto: self, other, whiteouts)
    merging.run(report)
    self = merging.tree
  }
}

private struct TreeMerging {
  var tree: Tree
  private let other: Tree
  private let whiteouts: Whiteouts?
  /// The previous content, all of which may have to go.
  private let before: Tree.Listing
  private let count: Int
  private var inodes: [Tree.InodeID: Tree.InodeID] = [:]

  private static let whiteout = Array(".wh.".utf8)
  private static let opaque = Array(".wh..wh..opq".utf8)
  /// The prefix of AUFS's own bookkeeping files.
  private static let note = Array(".wh..wh.".utf8)

  init(onto tree: Tree, _ other: Tree, _ whiteouts: Whiteouts?) {
    self.tree = tree
    self.other = other
    self.whiteouts = whiteouts
    before = tree.listing()
    count = tree.nodeCount
  }

  typealias Report = (Tree, Tree.NodeID) -> Void

  mutating func run(_ report: Report) {
    let listing = other.listing()
    takeAttributes(of: other.root, for: tree.root)
    var stack = [(other.root, tree.root)]
    while let (source, target) = stack.popLast() {
      let children = listing.children(of: source)
      if whiteouts == .oci { applyWhiteouts(children, in: target, report) }
      for child in children {
        let name = Array(other.name(of: child))
        if whiteouts == .oci && name.starts(with: Self.whiteout) { continue }
        let node = add(child, name, in: target, report)
        if other.isDirectory(child) { stack.append((child, node)) }
      }
    }
  }

  private mutating func applyWhiteouts(
    _ children: some Collection<Tree.NodeID>, in target: Tree.NodeID, _ report: Report
  ) {
    let names = children.map { other.name(of: $0) }
    if names.contains(where: { $0.elementsEqual(Self.opaque) }) {
      for node in earlierChildren(of: target) { remove(node, report) }
    }
    for name in names
    where name.starts(with: Self.whiteout) && !name.starts(with: Self.note) {
      let hidden = Array(name.dropFirst(Self.whiteout.count))
      if let node = hidden.withUnsafeBytes({ tree.child(of: target, named: $0) }) {
        remove(node, report)
      }
    }
  }

  /// - Returns: the node in the tree.
  private mutating func add(
    _ child: Tree.NodeID, _ name: [UInt8], in target: Tree.NodeID, _ report: Report
  ) -> Tree.NodeID {
    if let existing = name.withUnsafeBytes({ tree.child(of: target, named: $0) }) {
      if tree.isDirectory(existing) && other.isDirectory(child) {
        takeAttributes(of: child, for: existing)
        return existing
      }
      remove(existing, report)
    }
    let inode = inode(for: other.inode(of: child))
    return name.withUnsafeBytes { tree.addNode($0, in: target, inode: inode) }
  }

  private mutating func inode(for source: Tree.InodeID) -> Tree.InodeID {
    if let known = inodes[source] {
      tree[known].links += 1
      return known
    }
    let made = tree.addInode(copy(of: other[source]))
    inodes[source] = made
    return made
  }

  private mutating func copy(of inode: Tree.Inode) -> Tree.Inode {
    var copy = inode
    copy.links = 1
    if let set = inode.xattrs { copy.xattrs = tree.xattrSet(other.xattrSets[set.index]) }
    if case .symlink(let target) = inode.kind {
      copy.kind = tree.symlink(to: Array(other.target(target)))
    }
    return copy
  }

  private mutating func takeAttributes(of source: Tree.NodeID, for target: Tree.NodeID) {
    let inode = other[other.inode(of: source)]
    guard inode.origin != .missingParent else { return }
    tree[tree.inode(of: target)] = copy(of: inode)
  }

  private func earlierChildren(of node: Tree.NodeID) -> [Tree.NodeID] {
    guard node.index < count else { return [] }
    return before.children(of: node).filter { !tree.isRemoved($0) }
  }

  /// Removes a node and everything below it.
  private mutating func remove(_ node: Tree.NodeID, _ report: Report) {
    var all = [node]
    var index = 0
    while index < all.count {
      if tree.isDirectory(all[index]) { all += earlierChildren(of: all[index]) }
      index += 1
    }
    for node in all { report(tree, node) }
    for node in all.reversed() { tree.remove(node) }
  }
}

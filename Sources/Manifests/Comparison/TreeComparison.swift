import Glibc
import Posix
import TreeModel

/// Compares two trees, entry by entry.
public struct TreeComparison {
  private let first: DigestedTree
  private let second: DigestedTree
  private let ignored: Set<Aspect>
  private let firstLinks: LinkGroups
  private let secondLinks: LinkGroups
  private let firstListing: Tree.Listing
  private let secondListing: Tree.Listing

  /// - Parameter ignoring: aspects that do not count; those unknown to a source never do.
  public init(_ first: DigestedTree, _ second: DigestedTree, ignoring: Set<Aspect> = []) {
    self.first = first
    self.second = second
    // Compare sizes and digests only if both sides have them.
    ignored = ignoring.union(
      first.unknown.union(second.unknown).subtracting([.size, .content]))
    firstLinks = LinkGroups(first.tree)
    secondLinks = LinkGroups(second.tree)
    firstListing = first.tree.listing()
    secondListing = second.tree.listing()
  }

  /// Reports all differences: first those of a directory's entries, then those inside them. The
  /// contents of a directory in one tree only follow right after it.
  @discardableResult
  public func run(_ report: (Difference) throws -> Void) rethrows -> DifferenceCounts {
    var counts = DifferenceCounts()
    func note(_ difference: Difference) throws {
      counts.add(difference)
      try report(difference)
    }
    counts.inBoth += 1
    try compare(first.tree.root, second.tree.root, [], note)
    var stack = [(first.tree.root, second.tree.root, [UInt8]())]
    while let (a, b, path) = stack.popLast() {
      var pairs: [(Tree.NodeID, Tree.NodeID, [UInt8])] = []
      var (left, right) = (firstListing.children(of: a)[...], secondListing.children(of: b)[...])
      while !left.isEmpty || !right.isEmpty {
        let order = Self.order(left.first.map(first.tree.name), right.first.map(second.tree.name))
        if order < 0 {
          try reportAll(left.removeFirst(), of: first.tree, firstListing, path, .removed, note)
        } else if order > 0 {
          try reportAll(right.removeFirst(), of: second.tree, secondListing, path, .added, note)
        } else {
          let (c, d) = (left.removeFirst(), right.removeFirst())
          let childPath = Self.join(path, first.tree.name(of: c))
          counts.inBoth += 1
          try compare(c, d, childPath, note)
          switch (first.tree.isDirectory(c), second.tree.isDirectory(d)) {
          case (true, true): pairs.append((c, d, childPath))
          case (true, false):
            try reportChildren(c, of: first.tree, firstListing, childPath, .removed, note)
          case (false, true):
            try reportChildren(d, of: second.tree, secondListing, childPath, .added, note)
          case (false, false): break
          }
        }
      }
      stack.append(contentsOf: pairs.reversed())
    }
    return counts
  }

  private static func order(_ first: ArraySlice<UInt8>?, _ second: ArraySlice<UInt8>?) -> Int {
    guard let first else { return 1 }
    guard let second else { return -1 }
    if first.elementsEqual(second) { return 0 }
    return first.lexicographicallyPrecedes(second) ? -1 : 1
  }

  private static func join(_ path: [UInt8], _ name: ArraySlice<UInt8>) -> [UInt8] {
    path.joined(to: name)
  }

  private func reportAll(
    _ node: Tree.NodeID, of tree: Tree, _ listing: Tree.Listing, _ parent: [UInt8],
    _ kind: Difference.Kind, _ note: (Difference) throws -> Void
  ) rethrows {
    var stack = [(node, parent)]
    while let (node, parent) = stack.popLast() {
      if ignored.contains(.sockets), tree[tree.inode(of: node)].kind == .socket { continue }
      let path = Self.join(parent, tree.name(of: node))
      let isDirectory = tree.isDirectory(node)
      try note(Difference(path: path, kind: kind, isDirectory: isDirectory))
      if isDirectory {
        stack.append(contentsOf: listing.children(of: node).reversed().map { ($0, path) })
      }
    }
  }

  private func reportChildren(
    _ top: Tree.NodeID, of tree: Tree, _ listing: Tree.Listing, _ path: [UInt8],
    _ kind: Difference.Kind, _ note: (Difference) throws -> Void
  ) rethrows {
    for child in listing.children(of: top) {
      try reportAll(child, of: tree, listing, path, kind, note)
    }
  }

  // MARK: One entry

  private func compare(
    _ a: Tree.NodeID, _ b: Tree.NodeID, _ path: [UInt8], _ note: (Difference) throws -> Void
  ) rethrows {
    let x = first.tree[first.tree.inode(of: a)]
    let y = second.tree[second.tree.inode(of: b)]
    var changes: [Difference.Change] = []
    func add(_ aspect: Aspect, _ text: @autoclosure () -> String) {
      if !ignored.contains(aspect) { changes.append(Difference.Change(aspect, text())) }
    }
    if x.kind.type != y.kind.type {
      add(.type, "type \(x.kind.type.word) -> \(y.kind.type.word)")
    } else {
      compare(x.kind, y.kind, add)
    }
    // A directory without its own entry has made-up attributes.
    if x.origin != .missingParent && y.origin != .missingParent {
      compare(x.attributes, y.attributes, isLink: x.kind.type == .symlink, add)
      compareXattrs(x, y, add)
    }
    let (groupA, groupB) = (firstLinks.first(of: a), secondLinks.first(of: b))
    if groupA != groupB {
      func text(_ first: [UInt8]?) -> String {
        first.map { $0 == path ? "other names" : $0.escapedName } ?? "none"
      }
      add(.links, "hard links: \(text(groupA)) -> \(text(groupB))")
    }
    if let index = changes.firstIndex(where: { $0.aspect == .mtime }) {
      changes[index].shift = y.attributes.modified &- x.attributes.modified
    }
    if !changes.isEmpty {
      try note(
        Difference(path: path, kind: .changed(changes), isDirectory: second.tree.isDirectory(b)))
    }
  }

  private func compare(
    _ x: Tree.Kind, _ y: Tree.Kind, _ add: (Aspect, @autoclosure () -> String) -> Void
  ) {
    switch (x, y) {
    case (.regular(let a), .regular(let b)):
      guard let a = first.content(a), let b = second.content(b) else { return }
      if let a = a.size, let b = b.size, a != b { add(.size, "size \(a) -> \(b)") }
      if let a = a.digest, let b = b.digest, a != b { add(.content, "content") }
    case (.symlink(let a), .symlink(let b)):
      let (a, b) = (first.tree.target(a), second.tree.target(b))
      if !a.elementsEqual(b) { add(.target, "target \(a.escapedName) -> \(b.escapedName)") }
    case (.blockDevice(let a), .blockDevice(let b)),
      (.characterDevice(let a), .characterDevice(let b)):
      if a != b { add(.device, "device \(a.major),\(a.minor) -> \(b.major),\(b.minor)") }
    default: break
    }
  }

  private func compare(
    _ a: Attributes, _ b: Attributes, isLink: Bool,
    _ add: (Aspect, @autoclosure () -> String) -> Void
  ) {
    // Linux has no permissions for symbolic links; sources disagree about them.
    if a.permissions != b.permissions && !isLink {
      func text(_ mode: UInt16) -> String {
        String(mode, radix: 8).leftPadded(to: 4, with: "0")
      }
      add(.mode, "mode \(text(a.permissions)) -> \(text(b.permissions))")
    }
    if (a.uid, a.gid) != (b.uid, b.gid) {
      add(.owner, "owner \(a.uid):\(a.gid) -> \(b.uid):\(b.gid)")
    }
    if a.modified != b.modified {
      add(.mtime, "time \(Self.time(a.modified)) -> \(Self.time(b.modified))")
    }
  }

  /// For example "2026-11-22T14:03:05Z".
  private static func time(_ seconds: Int64) -> String {
    var (time, parts) = (time_t(seconds), tm())
    guard gmtime_r(&time, &parts) != nil else { return "\(seconds)" }
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
      + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }

  private func compareXattrs(
    _ x: Tree.Inode, _ y: Tree.Inode, _ add: (Aspect, @autoclosure () -> String) -> Void
  ) {
    let a = x.xattrs.map { first.tree.xattrSets[$0.index] } ?? []
    let b = y.xattrs.map { second.tree.xattrSets[$0.index] } ?? []
    guard a != b else { return }
    var texts: [String] = []
    for attribute in a where !b.contains(where: { $0.name == attribute.name }) {
      texts.append("-\(attribute.name.escapedName)")
    }
    for attribute in b {
      if let other = a.first(where: { $0.name == attribute.name }) {
        if other != attribute { texts.append("\(attribute.name.escapedName) (value)") }
      } else {
        texts.append("+\(attribute.name.escapedName)")
      }
    }
    add(.xattrs, "attributes \(texts.joined(separator: " "))")
  }
}

/// Which names of a tree belong to the same file.
private struct LinkGroups {
  /// By inode, the first path of each file with several names.
  private var firstPaths: [Int: [UInt8]] = [:]
  private let tree: Tree

  init(_ tree: Tree) {
    self.tree = tree
    var found: [Int: [UInt8]] = [:]
    TreeLines(tree).visit { node, path in
      let id = tree.inode(of: node)
      guard tree[id].links > 1, tree[id].kind != .directory else { return }
      if let first = found[id.index] {
        firstPaths[id.index] = first
      } else {
        found[id.index] = path
      }
    }
  }

  /// `nil` for a file with one name in the tree.
  func first(of node: Tree.NodeID) -> [UInt8]? { firstPaths[tree.inode(of: node).index] }
}

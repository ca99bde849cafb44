/// A directory tree in memory, compact enough for millions of entries: names and inodes are
/// rows of arrays, about 100 bytes per entry plus its name.
///
/// A *node* is a name in a directory; an *inode* is what the name stands for. Hard links are
/// nodes that share an inode.
public struct Tree {
  /// A name in the tree. Until `placeRoot`, a parent's number is smaller than its children's.
  public struct NodeID: Hashable, Sendable {
    public let index: Int
    fileprivate init(_ index: Int) { self.index = index }
  }

  /// The number of an inode, from 0.
  public struct InodeID: Hashable, Sendable {
    public let index: Int
    fileprivate init(_ index: Int) { self.index = index }
  }

  /// A set of extended attributes that any number of inodes share.
  public struct XattrSetID: Hashable, Sendable {
    fileprivate let number: UInt32
    public var index: Int { Int(number) }
  }

  /// The kind of an inode, with the data only that kind has.
  public enum Kind: Equatable, Sendable {
    case directory
    case regular(ContentID)
    case symlink(target: ByteArena.Reference)
    case blockDevice(DeviceNumber)
    case characterDevice(DeviceNumber)
    case fifo
    case socket
  }

  public struct Inode {
    public var attributes: Attributes
    // In this order they take the least memory.
    public var kind: Kind
    /// Why a directory is in the tree.
    public var origin: Origin
    /// The number of names; for a directory this stays 1.
    public var links: UInt32 = 1
    public var xattrs: XattrSetID?

    public init(
      attributes: Attributes, kind: Kind, xattrs: XattrSetID? = nil, origin: Origin = .entry
    ) {
      self.attributes = attributes
      self.kind = kind
      self.xattrs = xattrs
      self.origin = origin
    }
  }

  /// Why a directory is in the tree.
  public enum Origin: UInt8, Sendable {
    /// The source has an entry for it.
    case entry
    /// Something below it needed a parent.
    case missingParent
    /// The source has an entry, kept only if something below it is kept.
    case ifNeeded
  }

  private struct Node {
    var name: ByteArena.Reference
    var parent: UInt32
    var inode: UInt32
    var children: UInt32 = 0
  }

  private static let removed = UInt32.max

  private var nodes: [Node] = []
  private var inodes: [Inode] = []
  private var bytes = ByteArena()
  private var table = NodeTable()
  private var setNumbers: [[ExtendedAttribute]: UInt32] = [:]

  /// The distinct sets of extended attributes, by index.
  public private(set) var xattrSets: [[ExtendedAttribute]] = []

  /// The top of the tree; `Listing` leaves out everything outside it.
  public var root: NodeID

  /// A tree with one directory, which has these attributes.
  public init(root attributes: Attributes) {
    let name = bytes.add([])
    nodes.append(Node(name: name, parent: 0, inode: 0))
    inodes.append(Inode(attributes: attributes, kind: .directory, origin: .missingParent))
    root = NodeID(0)
  }

  /// The number of nodes ever added, removed ones included.
  public var nodeCount: Int { nodes.count }
  /// The number of inodes ever added.
  public var inodeCount: Int { inodes.count }

  public subscript(inode: InodeID) -> Inode {
    get { inodes[inode.index] }
    set { inodes[inode.index] = newValue }
  }

  /// The inode a node stands for.
  public func inode(of node: NodeID) -> InodeID { InodeID(Int(nodes[node.index].inode)) }
  public func name(of node: NodeID) -> ArraySlice<UInt8> { bytes[nodes[node.index].name] }
  public func parent(of node: NodeID) -> NodeID { NodeID(Int(nodes[node.index].parent)) }
  public func isDirectory(_ node: NodeID) -> Bool { self[inode(of: node)].kind == .directory }
  /// The bytes of a symlink's target.
  public func target(_ reference: ByteArena.Reference) -> ArraySlice<UInt8> { bytes[reference] }

  /// The path of a node from the root of the tree, without a leading slash.
  public func path(of node: NodeID) -> [UInt8] {
    var components: [ArraySlice<UInt8>] = []
    var current = node
    while current != root && parent(of: current) != current {
      components.append(name(of: current))
      current = parent(of: current)
    }
    return Array(components.reversed().joined(separator: [UInt8(ascii: "/")]))
  }

  /// The node named `name` in `parent`.
  public func child(of parent: NodeID, named name: UnsafeRawBufferPointer) -> NodeID? {
    table.find(hash: NodeTable.hash(parent.index, name)) { candidate in
      Int(nodes[candidate].parent) == parent.index && bytes.equals(nodes[candidate].name, name)
    }.map { NodeID($0) }
  }

  /// Makes a new inode; it is in the tree once a node refers to it.
  public mutating func addInode(_ inode: Inode) -> InodeID {
    inodes.append(inode)
    return InodeID(inodes.count - 1)
  }

  /// Makes the kind of a symlink with this target, of at most 65,535 bytes.
  public mutating func symlink(to target: [UInt8]) -> Kind { .symlink(target: bytes.add(target)) }

  /// The set of these attributes, in any order; the first wins if a name occurs twice.
  public mutating func xattrSet(_ attributes: [ExtendedAttribute]) -> XattrSetID? {
    guard !attributes.isEmpty else { return nil }
    // Archives may have an attribute twice (bsdtar writes two dialects); the first wins.
    var names: Set<[UInt8]> = []
    let sorted = attributes.filter { names.insert($0.name).inserted }
      .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    if let number = setNumbers[sorted] { return XattrSetID(number: number) }
    let number = UInt32(xattrSets.count)
    setNumbers[sorted] = number
    xattrSets.append(sorted)
    return XattrSetID(number: number)
  }

  /// Adds a name to a directory, which must not have it yet.
  @discardableResult
  public mutating func addNode(
    _ name: UnsafeRawBufferPointer, in parent: NodeID, inode: InodeID
  ) -> NodeID {
    let reference = bytes.add(name)
    let id = nodes.count
    nodes.append(Node(name: reference, parent: UInt32(parent.index), inode: UInt32(inode.index)))
    nodes[parent.index].children += 1
    insert(NodeID(id))
    return NodeID(id)
  }

  /// Makes a name findable.
  private mutating func insert(_ node: NodeID) {
    func hash(_ index: Int) -> Int {
      NodeTable.hash(Int(nodes[index].parent), bytes[nodes[index].name])
    }
    table.insert(node.index, hash: hash(node.index), rehash: hash)
  }

  /// Removes a name from the tree; it must not be a directory with children.
  public mutating func remove(_ node: NodeID) {
    let name = bytes[nodes[node.index].name]
    table.remove(node.index, hash: NodeTable.hash(Int(nodes[node.index].parent), name))
    inodes[Int(nodes[node.index].inode)].links -= 1
    nodes[node.index].inode = Self.removed
    nodes[Int(nodes[node.index].parent)].children -= 1
  }

  /// Turns each name of a file into a file of its own with the same content.
  ///
  /// - Returns: the number of files made.
  public mutating func separateHardLinks() -> Int {
    let before = inodes.count
    for index in nodes.indices where nodes[index].inode != Self.removed {
      let inode = Int(nodes[index].inode)
      guard inodes[inode].links > 1 else { continue }
      inodes[inode].links -= 1
      var copy = inodes[inode]
      copy.links = 1
      nodes[index].inode = UInt32(addInode(copy).index)
    }
    return inodes.count - before
  }

  /// Moves the whole tree to a path below a new root. The new root and the directories in between
  /// get `attributes`.
  public mutating func placeRoot(at path: [[UInt8]], attributes: Attributes) {
    var below = root
    for (depth, name) in path.enumerated().reversed() {
      let inode = addInode(Inode(attributes: attributes, kind: .directory, origin: .missingParent))
      let parent = nodes.count
      let parentName = bytes.add(depth == 0 ? [] : path[depth - 1])
      nodes.append(
        Node(name: parentName, parent: UInt32(parent), inode: UInt32(inode.index), children: 1))
      let known = NodeTable.hash(Int(nodes[below.index].parent), bytes[nodes[below.index].name])
      table.remove(below.index, hash: known)
      nodes[below.index].name = bytes.add(name)
      nodes[below.index].parent = UInt32(parent)
      insert(below)
      below = NodeID(parent)
    }
    root = below
  }

  /// Whether `remove` removed the node.
  public func isRemoved(_ node: NodeID) -> Bool { nodes[node.index].inode == Self.removed }

  /// All nodes but the very first, parents before children, without removed ones.
  public var liveNodes: some Sequence<NodeID> {
    (1..<max(1, nodes.count)).lazy.filter { nodes[$0].inode != Self.removed }.map { NodeID($0) }
  }

  /// The live nodes, last added first: children before parents.
  public var liveNodesReversed: some Sequence<NodeID> {
    (1..<max(1, nodes.count)).reversed().lazy
      .filter { nodes[$0].inode != Self.removed }.map { NodeID($0) }
  }

  /// Whether a directory has no children.
  public func isEmptyDirectory(_ node: NodeID) -> Bool { nodes[node.index].children == 0 }

  /// The children of every directory, sorted by name.
  public func listing() -> Listing { Listing(of: self) }

  /// Every directory's children in byte order of their names, frozen.
  public struct Listing {
    private var starts: [UInt32]
    private var order: [UInt32]

    fileprivate init(of tree: Tree) {
      let nodes = tree.nodes
      starts = [UInt32](repeating: 0, count: nodes.count + 1)
      // A root is its own parent.
      for (index, node) in nodes.enumerated()
      where node.inode != Tree.removed && node.parent != index {
        starts[Int(node.parent) + 1] += 1
      }
      for index in nodes.indices { starts[index + 1] += starts[index] }
      order = [UInt32](repeating: 0, count: Int(starts[nodes.count]))
      var next = starts
      for (index, node) in nodes.enumerated()
      where node.inode != Tree.removed && node.parent != index {
        let parent = Int(node.parent)
        order[Int(next[parent])] = UInt32(index)
        next[parent] += 1
      }
      for index in nodes.indices where starts[index + 1] - starts[index] > 1 {
        order[Int(starts[index])..<Int(starts[index + 1])].sort {
          tree.bytes.precedes(nodes[Int($0)].name, nodes[Int($1)].name)
        }
      }
    }

    /// The children of a directory.
    public func children(of node: NodeID) -> some RandomAccessCollection<NodeID> {
      order[Int(starts[node.index])..<Int(starts[node.index + 1])].lazy.map { NodeID(Int($0)) }
    }
  }
}

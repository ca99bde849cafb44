internal import Posix
public import TreeModel

/// Symbolic links of an image that lead to nothing in it.
///
/// Each link's own target is walked once, whatever other links lead through it, so that the work
/// grows with the bytes of all targets and not with what they make of each other.
public struct DanglingLinks: Sendable {
  public private(set) var count = 0
  /// The first one that does so by itself, not by way of another, with its target.
  public private(set) var first: (path: [UInt8], target: [UInt8])?
  /// Whether the options could take what they lead to instead.
  public var canBeDereferenced = false

  init() {}

  /// Looks at all links of a tree.
  public init(of tree: Tree) {
    var resolver = LinkResolver(tree)
    var isFirstByItself = false
    for node in tree.liveNodes {
      guard case .symlink(let target) = tree[tree.inode(of: node)].kind,
        case .nothing(let isByItself) = resolver.place(of: node)
      else { continue }
      if first == nil || isByItself && !isFirstByItself {
        first = (tree.path(of: node), Array(tree.target(target)))
        isFirstByItself = isByItself
      }
      count += 1
    }
  }

  /// A sentence with the number and the first one.
  var warning: String? {
    guard let first else { return nil }
    let lead = count == 1 ? "1 link leads" : "\(count.grouped) links lead"
    let hint =
      canBeDereferenced
      ? "; --dereference packs what \(count == 1 ? "it leads" : "they lead") to" : ""
    return "\(lead) to nothing in the image: \(first.path.escapedName) -> "
      + "\(first.target.prefix(255).escapedName)\(first.target.count > 255 ? "..." : "")\(hint)"
  }
}

/// Follows links as Linux does in a tree that is the root of a system: absolute ones begin there.
/// Relative ones that lead above it lead out.
private struct LinkResolver {
  enum Place {
    case node(Tree.NodeID)
    /// There on every machine, in /proc and the like.
    case machine
    case nothing(isByItself: Bool)
  }

  private enum State {
    case unknown
    /// On the way to where another one leads.
    case begun
    case known(Place, hops: Int)
  }

  /// A link on the way: where its target has led so far.
  private struct Way {
    var link: Tree.NodeID
    var target: ByteArena.Reference
    /// Of the target, what comes next.
    var position = 0
    var place: Tree.NodeID
    var isAbsolute: Bool
    /// The links that were followed.
    var hops = 1
  }

  private let tree: Tree
  private var states: [Tree.NodeID: State] = [:]
  private var ways: [Way] = []
  /// As many links as Linux follows.
  private static let mostHops = 40
  /// What every machine has, and no image.
  private static let ofMachines = ["dev", "proc", "run", "sys"].map { Array($0.utf8) }

  init(_ tree: Tree) { self.tree = tree }

  /// Where a link leads.
  mutating func place(of link: Tree.NodeID) -> Place {
    begin(link)
    while let way = ways.last {
      guard let (place, hops) = goOn() else { continue }
      ways.removeLast()
      states[way.link] = .known(
        hops > Self.mostHops ? .nothing(isByItself: false) : place, hops: hops)
    }
    guard case .known(let place, _)? = states[link] else { return .node(link) }
    return place
  }

  private mutating func begin(_ link: Tree.NodeID) {
    guard states[link] == nil, case .symlink(let target) = tree[tree.inode(of: link)].kind
    else { return }
    let isAbsolute = tree.target(target).first == UInt8(ascii: "/")
    states[link] = .begun
    ways.append(
      Way(
        link: link, target: target, place: isAbsolute ? tree.root : tree.parent(of: link),
        isAbsolute: isAbsolute))
  }

  /// Follows the last way to its end, or to a link that has to be followed first.
  ///
  /// - Returns: where it ends; `nil` where another way was begun.
  private mutating func goOn() -> (Place, hops: Int)? {
    var way = ways[ways.count - 1]
    let target = tree.target(way.target)
    let bytes = target.dropFirst(way.position)
    let nothing = Place.nothing(isByItself: true)
    var start = bytes.startIndex
    while start < bytes.endIndex {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "/")) ?? bytes.endIndex
      let name = bytes[start..<end]
      // A slash behind a name asks for a directory, and so does all that follows.
      guard tree.isDirectory(way.place) else { return (nothing, way.hops) }
      switch step(name, way) {
      case .found(let node)?:
        way.place = node
      case .machine?: return (.machine, way.hops)
      case .nothing?: return (nothing, way.hops)
      case .link(let link)?:
        guard case .known(let place, let hops)? = states[link] else {
          // A loop.
          if case .begun? = states[link] { return (.nothing(isByItself: false), way.hops) }
          way.position = start - target.startIndex
          ways[ways.count - 1] = way
          begin(link)
          return nil
        }
        way.hops = min(way.hops + hops, Self.mostHops + 1)
        switch place {
        case .node(let node): way.place = node
        case .machine: return (.machine, way.hops)
        case .nothing: return (.nothing(isByItself: false), way.hops)
        }
      case nil: break
      }
      start = end == bytes.endIndex ? end : end + 1
      if start == bytes.endIndex && end < start && !tree.isDirectory(way.place) {
        return (nothing, way.hops)
      }
    }
    return (.node(way.place), way.hops)
  }

  private enum Step {
    case found(Tree.NodeID)
    case link(Tree.NodeID)
    case machine
    case nothing
  }

  /// - Returns: `nil` for what leads nowhere else: an empty name or a dot.
  private func step(_ name: ArraySlice<UInt8>, _ way: Way) -> Step? {
    let dot = UInt8(ascii: ".")
    if name.isEmpty || name.elementsEqual([dot]) { return nil }
    if name.elementsEqual([dot, dot]) {
      guard way.place == tree.root else { return .found(tree.parent(of: way.place)) }
      return way.isAbsolute ? nil : .nothing
    }
    guard let node = name.withUnsafeBytes({ tree.child(of: way.place, named: $0) }) else {
      return isOfMachine(name, way) ? .machine : .nothing
    }
    if case .symlink = tree[tree.inode(of: node)].kind { return .link(node) }
    return .found(node)
  }

  /// Whether a name that is not in the image is on every machine.
  private func isOfMachine(_ name: ArraySlice<UInt8>, _ way: Way) -> Bool {
    var top = way.place
    guard top != tree.root else {
      return way.isAbsolute && Self.ofMachines.contains { $0.elementsEqual(name) }
    }
    while tree.parent(of: top) != tree.root { top = tree.parent(of: top) }
    return Self.ofMachines.contains { $0.elementsEqual(tree.name(of: top)) }
  }
}

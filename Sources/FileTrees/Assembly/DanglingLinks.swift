import Posix
public import TreeModel

/// Symbolic links of an image that lead out of it or to nothing in it.
///
/// An image is mounted below a directory, where absolute links lead to the machine's own files.
/// Each link's own target is walked once, however many links lead through it, so that the work
/// grows with the bytes of all targets and not with their combinations.
public struct DanglingLinks: Sendable {
  public private(set) var count = 0
  /// The number of those that lead out of the image.
  private var leadingOut = 0
  /// The first one that does so by itself, not through another, with its target.
  public private(set) var first: (path: [UInt8], target: [UInt8])?
  /// Advice on what to do about them.
  public var advice: String?

  init() {}

  /// Checks all links of a tree.
  ///
  /// - Parameter report: called with each one's path and target, and whether it leads out.
  public init(of tree: Tree, report: ([UInt8], [UInt8], Bool) -> Void = { _, _, _ in }) {
    var resolver = LinkResolver(tree)
    var isFirstByItself = false
    for node in tree.liveNodes {
      guard case .symlink(let reference) = tree[tree.inode(of: node)].kind else { continue }
      let isByItself: Bool
      var leadsOut = false
      switch resolver.place(of: node) {
      case .node, .machine: continue
      case .nothing(let itself): isByItself = itself
      case .outside(let itself):
        isByItself = itself
        leadsOut = true
      }
      let link = (path: tree.path(of: node), target: Array(tree.target(reference)))
      if first == nil || isByItself && !isFirstByItself {
        first = link
        isFirstByItself = isByItself
      }
      count += 1
      leadingOut += leadsOut ? 1 : 0
      report(link.path, link.target, leadsOut)
    }
  }

  /// A sentence with the count and the first one.
  var warning: String? {
    guard let first else { return nil }
    let lead = count == 1 ? "1 link leads" : "\(count.grouped) links lead"
    let place =
      leadingOut == count
      ? "out of the image"
      : leadingOut == 0 ? "to nothing in the image" : "out of the image or to nothing in it"
    return "\(lead) \(place): \(first.path.escapedName) -> \(Self.shown(first.target))"
      + (advice.map { "; \($0)" } ?? "")
  }

  private static func shown(_ target: [UInt8]) -> String {
    target.prefix(255).escapedName + (target.count > 255 ? "..." : "")
  }
}

extension [UInt8] {
  /// Whether this link target leads to the machine's own files, wherever an image is mounted: an
  /// absolute one, unless every machine has what it names.
  public var leadsOutOfImages: Bool { isAbsolutePath && !self[...].leadsToMachine }
}

extension ArraySlice<UInt8> {
  /// Directories that every machine has, and no image.
  fileprivate static let ofMachines = ["dev", "proc", "run", "sys"].map { Array($0.utf8) }

  /// Whether an absolute target lies in a directory that every machine has.
  fileprivate var leadsToMachine: Bool {
    let names = pathComponents.lazy.filter {
      !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
    }
    guard let top = names.first else { return false }
    return Self.ofMachines.contains { $0.elementsEqual(top) }
  }
}

/// Follows links as Linux does in an image mounted below some directory.
private struct LinkResolver {
  enum Place {
    case node(Tree.NodeID)
    /// There on every machine, in /proc and the like.
    case machine
    case outside(isByItself: Bool)
    case nothing(isByItself: Bool)
  }

  private enum State {
    case unknown
    /// Being resolved, on the way to another link's place.
    case begun
    case known(Place, hops: Int)
  }

  /// A link being resolved: where its target has led so far.
  private struct Way {
    var link: Tree.NodeID
    var target: ByteArena.Reference
    /// The position in the target of what comes next.
    var position = 0
    var place: Tree.NodeID
    /// The number of links followed.
    var hops = 1
  }

  private let tree: Tree
  private var states: [Tree.NodeID: State] = [:]
  private var ways: [Way] = []

  init(_ tree: Tree) { self.tree = tree }

  /// Where a link leads.
  mutating func place(of link: Tree.NodeID) -> Place {
    begin(link)
    while let way = ways.last {
      guard let (place, hops) = goOn() else { continue }
      ways.removeLast()
      states[way.link] = .known(
        hops > LinuxLimits.mostLinks ? .nothing(isByItself: false) : place, hops: hops)
    }
    guard case .known(let place, _)? = states[link] else { return .node(link) }
    return place
  }

  private mutating func begin(_ link: Tree.NodeID) {
    guard states[link] == nil, case .symlink(let target) = tree[tree.inode(of: link)].kind
    else { return }
    let bytes = tree.target(target)
    if bytes.isAbsolutePath {
      let place: Place = bytes.leadsToMachine ? .machine : .outside(isByItself: true)
      states[link] = .known(place, hops: 1)
      return
    }
    states[link] = .begun
    ways.append(Way(link: link, target: target, place: tree.parent(of: link)))
  }

  /// Follows the last way to its end, or to a link that must be followed first.
  ///
  /// - Returns: where it ends; `nil` if another way was begun.
  private mutating func goOn() -> (Place, hops: Int)? {
    var way = ways[ways.count - 1]
    let target = tree.target(way.target)
    let bytes = target.dropFirst(way.position)
    let nothing = Place.nothing(isByItself: true)
    var start = bytes.startIndex
    while start < bytes.endIndex {
      let end = bytes[start...].firstIndex(of: pathSeparator) ?? bytes.endIndex
      let name = bytes[start..<end]
      // A slash after a name asks for a directory, and so does all that follows.
      guard tree.isDirectory(way.place) else { return (nothing, way.hops) }
      switch step(name, way) {
      case .found(let node)?:
        way.place = node
      case .machine?: return (.machine, way.hops)
      case .outside?: return (.outside(isByItself: true), way.hops)
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
        way.hops = min(way.hops + hops, LinuxLimits.mostLinks + 1)
        switch place {
        case .node(let node): way.place = node
        case .machine: return (.machine, way.hops)
        case .outside: return (.outside(isByItself: false), way.hops)
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
    case outside
    case nothing
  }

  /// - Returns: `nil` for a name that leads nowhere else: an empty one or a dot.
  private func step(_ name: ArraySlice<UInt8>, _ way: Way) -> Step? {
    let dot = UInt8(ascii: ".")
    if name.isEmpty || name.elementsEqual([dot]) { return nil }
    if name.elementsEqual([dot, dot]) {
      return way.place == tree.root ? .outside : .found(tree.parent(of: way.place))
    }
    guard let node = name.withUnsafeBytes({ tree.child(of: way.place, named: $0) }) else {
      return isOfMachine(way.place) ? .machine : .nothing
    }
    if case .symlink = tree[tree.inode(of: node)].kind { return .link(node) }
    return .found(node)
  }

  /// Whether names missing in a directory of the image belong to the machine's directory of that
  /// name: these are empty in a root file system.
  private func isOfMachine(_ place: Tree.NodeID) -> Bool {
    guard place != tree.root else { return false }
    var top = place
    while tree.parent(of: top) != tree.root { top = tree.parent(of: top) }
    return ArraySlice.ofMachines.contains { $0.elementsEqual(tree.name(of: top)) }
  }
}

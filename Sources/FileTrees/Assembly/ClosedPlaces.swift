internal import Posix
internal import TreeModel

/// What in an image only root can read or enter: users of the machines are not root.
public struct ClosedPlaces: Sendable {
  /// The number of files and directories; those below such a directory count where they are
  /// closed themselves.
  public private(set) var count = 0
  /// The first one, with its permissions; empty for the top of the image.
  public private(set) var first: (path: [UInt8], permissions: UInt16)?
  private var isTopClosed = false

  public init() {}

  /// Looks at all that is in a tree.
  init(of tree: Tree) {
    if Self.isClosed(tree[tree.inode(of: tree.root)]) {
      add([], tree[tree.inode(of: tree.root)])
      isTopClosed = true
    }
    for node in tree.liveNodes where node != tree.root {
      let inode = tree[tree.inode(of: node)]
      if Self.isClosed(inode) { add(tree.path(of: node), inode) }
    }
  }

  private mutating func add(_ path: @autoclosure () -> [UInt8], _ inode: Tree.Inode) {
    if count == 0 { first = (path(), inode.attributes.permissions) }
    count += 1
  }

  /// Whether neither others nor any user or group but root's can read a file, or enter a directory.
  private static func isClosed(_ inode: Tree.Inode) -> Bool {
    let bit: UInt16
    switch inode.kind {
    case .regular: bit = 4
    case .directory: bit = 1
    default: return false
    }
    let attributes = inode.attributes
    var open = attributes.permissions & bit
    if attributes.uid != 0 { open |= attributes.permissions >> 6 & bit }
    if attributes.gid != 0 { open |= attributes.permissions >> 3 & bit }
    return open == 0
  }

  /// A sentence with the number and the first one.
  var warning: String? {
    guard let first else { return nil }
    let mode = "mode " + String(first.permissions, radix: 8).leftPadded(to: 4)
    if isTopClosed {
      let others = count > 1 ? ", and \((count - 1).counted("other place")) below it" : ""
      return "only root can enter the image, its top directory has \(mode)\(others); "
        + "--chmod a+rX opens it to all"
    }
    let name = "\(first.path.escapedName) (\(mode))"
    return count == 1
      ? "only root can read or enter \(name); --chmod a+rX opens it to all"
      : "only root can read or enter \(count.grouped) files and directories, the first is \(name); "
        + "--chmod a+rX opens them to all"
  }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - count)) + self
  }
}

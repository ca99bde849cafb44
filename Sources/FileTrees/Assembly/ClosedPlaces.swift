import Posix
import TreeModel

/// Entries of an image that only root or their owner can read or enter: the machines' users are
/// not root, and own few of them.
public struct ClosedPlaces: Sendable {
  /// Files and directories closed to the same users; those below such a directory count only if
  /// they are closed themselves.
  fileprivate struct Group {
    var count = 0
    /// The first one, with its permissions; empty for the top of the image.
    var first: (path: [UInt8], permissions: UInt16)?
    var isTopClosed = false
    /// Their common owner; `nil` if they have several.
    var owner: UInt32?
  }

  private var toAllButRoot = Group()
  private var toAllButOwners = Group()

  public init() {}

  /// Checks all entries of a tree.
  init(of tree: Tree) {
    note(tree[tree.inode(of: tree.root)], isTop: true, [])
    for node in tree.liveNodes where node != tree.root {
      note(tree[tree.inode(of: node)], tree.path(of: node))
    }
  }

  private mutating func note(
    _ inode: Tree.Inode, isTop: Bool = false, _ path: @autoclosure () -> [UInt8]
  ) {
    let bit: UInt16
    switch inode.kind {
    case .regular: bit = 4
    case .directory: bit = 1
    default: return
    }
    let attributes = inode.attributes
    let groups = attributes.gid == 0 ? 0 : attributes.permissions >> 3 & bit
    guard attributes.permissions & bit | groups == 0 else { return }
    if attributes.uid != 0 && attributes.permissions >> 6 & bit != 0 {
      toAllButOwners.add(attributes, isTop, path)
    } else {
      toAllButRoot.add(attributes, isTop, path)
    }
  }

  /// A sentence for each group of users, with the count and the first entry.
  var warnings: [String] {
    let owners = toAllButOwners
    let owner = owners.owner.map { owners.count == 1 ? "its owner (\($0))" : "their owner (\($0))" }
    return [
      toAllButRoot.warning(who: "root"), owners.warning(who: owner ?? "their owners"),
    ].compactMap { $0 }
  }
}

extension ClosedPlaces.Group {
  fileprivate mutating func add(_ attributes: Attributes, _ isTop: Bool, _ path: () -> [UInt8]) {
    if count == 0 {
      first = (path(), attributes.permissions)
      owner = attributes.uid
    } else if owner != attributes.uid {
      owner = nil
    }
    count += 1
    isTopClosed = isTopClosed || isTop
  }

  fileprivate func warning(who: String) -> String? {
    guard let first else { return nil }
    let mode = "mode " + String(first.permissions, radix: 8).leftPadded(to: 4)
    if isTopClosed {
      let others = count > 1 ? " and \((count - 1).counted("other place")) below it" : ""
      return "only \(who) can enter the image (its top directory has \(mode))\(others); "
        + "--chmod a+rX opens it to all"
    }
    let name = "\(first.path.escapedName) (\(mode))"
    return count == 1
      ? "only \(who) can read or enter \(name); --chmod a+rX opens it to all"
      : "only \(who) can read or enter \(count.grouped) files and directories, starting with \(name); "
        + "--chmod a+rX opens them to all"
  }
}

extension String {
  fileprivate func leftPadded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - count)) + self
  }
}

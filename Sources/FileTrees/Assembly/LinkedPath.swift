import Posix
import TreeModel

/// The way to a hard link's target: its directories may be symbolic links within the tree, which
/// link(2) follows. No entry is ever placed through them.
struct LinkedPath {
  private let tree: Tree
  /// The limit for a whole source: no honest one needs more, and a small archive could ask for any.
  static let mostSteps = 10_000_000

  init(_ tree: Tree) { self.tree = tree }

  /// The node at a path; its last name is not followed.
  ///
  /// - Parameter steps: how many more names may be looked up.
  func node(at path: [ArraySlice<UInt8>], _ steps: inout Int) -> Tree.NodeID? {
    var links = 0
    var stack: [Tree.NodeID] = [tree.root]
    var rest = path.reversed().map { $0 }
    while let name = rest.popLast() {
      steps -= 1
      guard steps > 0 else { return nil }
      if name == [UInt8(ascii: ".")] { continue }
      if name == [UInt8(ascii: "."), UInt8(ascii: ".")] {
        guard stack.count > 1 else { return nil }  // outside the tree
        stack.removeLast()
        continue
      }
      let next = name.withUnsafeBytes { tree.child(of: stack[stack.count - 1], named: $0) }
      guard let next else { return nil }
      guard !rest.isEmpty, case .symlink(let target) = tree[tree.inode(of: next)].kind else {
        stack.append(next)
        continue
      }
      let bytes = tree.target(target)
      links += 1
      // An absolute link leads out of the tree.
      guard links <= LinuxLimits.mostLinks, !bytes.isAbsolutePath else { return nil }
      rest += bytes.pathComponents.reversed()
    }
    return stack.last
  }

  /// The first symbolic link among the directories of a path.
  func symlink(on path: [ArraySlice<UInt8>]) -> [UInt8]? {
    var node = tree.root
    for name in path.dropLast() {
      guard let next = name.withUnsafeBytes({ tree.child(of: node, named: $0) }) else { return nil }
      if case .symlink = tree[tree.inode(of: next)].kind { return tree.path(of: next) }
      node = next
    }
    return nil
  }
}

import TreeModel

/// Walks a tree: the contents of a directory's subdirectories first, then its children side by
/// side, the root last. Keeps its own stack: trees can be deeper than a thread's.
struct PostOrder {
  private let listing: Tree.Listing
  private let isDirectory: (Tree.NodeID) -> Bool
  private let root: Tree.NodeID
  private var stack: [Frame]
  private var isFinished = false

  private struct Frame {
    var node: Tree.NodeID
    /// The position in the children: a first round enters directories, a second returns all.
    var next = 0
    var isGivingOut = false
  }

  init(
    root: Tree.NodeID, listing: Tree.Listing, isDirectory: @escaping (Tree.NodeID) -> Bool
  ) {
    self.listing = listing
    self.isDirectory = isDirectory
    self.root = root
    stack = [Frame(node: root)]
  }

  mutating func next() -> Tree.NodeID? {
    while let frame = stack.last {
      let children = listing.children(of: frame.node)
      if frame.next == children.count {
        if frame.isGivingOut {
          stack.removeLast()
        } else {
          stack[stack.count - 1].isGivingOut = true
          stack[stack.count - 1].next = 0
        }
        continue
      }
      let child = children[children.index(children.startIndex, offsetBy: frame.next)]
      stack[stack.count - 1].next += 1
      if frame.isGivingOut { return child }
      if isDirectory(child) { stack.append(Frame(node: child)) }
    }
    if isFinished { return nil }
    isFinished = true
    return root
  }
}

public import SquashFS
import SquashFSFormat
import TreeModel

/// Visits the selected part of an image's tree, each directory before its contents.
public struct SelectedWalk {
  private var walk: TreeWalk
  /// Whether everything in each directory on the way is selected.
  private var inside: [Bool]
  /// The selection, and what has been found of it.
  public private(set) var filter: PathFilter

  public init(_ image: Image, _ filter: PathFilter) throws {
    walk = try TreeWalk(image, from: image.root())
    self.filter = filter
    inside = [self.filter.answer([], isInside: false) == .inside]
  }

  /// Whether the top itself is selected, which is not visited.
  public var takesTop: Bool { inside[0] }

  /// The next selected node; `nil` at the end.
  package mutating func next() throws(ImageReadError) -> TreeWalk.Node? {
    while let node = try walk.next() {
      inside.removeSubrange(walk.depth...)
      let answer = filter.answer(node.path, isInside: inside[walk.depth - 1])
      if node.inode.record.type == .directory {
        inside.append(answer == .inside)
        if answer == .outside { walk.skipChildren() }
      }
      if answer == .inside { return node }
    }
    return nil
  }
}

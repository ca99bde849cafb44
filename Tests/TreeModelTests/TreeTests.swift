import TestSupport
import Testing
import TreeModel

@Suite struct TreeTests {
  private static let attributes = Attributes(permissions: 0o755, uid: 0, gid: 0, modified: 0)

  private func add(_ name: String, _ tree: inout Tree, in parent: Tree.NodeID) -> Tree.NodeID {
    let inode = tree.addInode(Tree.Inode(attributes: Self.attributes, kind: .directory))
    return Array(name.utf8).withUnsafeBytes { tree.addNode($0, in: parent, inode: inode) }
  }

  private func find(_ name: String, _ tree: Tree, in parent: Tree.NodeID) -> Tree.NodeID? {
    Array(name.utf8).withUnsafeBytes { tree.child(of: parent, named: $0) }
  }

  /// Adding and removing names in random order agrees with a dictionary.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func namesAreFoundUntilTheyAreRemoved(seed: UInt64) {
    var random = SeededGenerator(seed)
    var tree = Tree(root: Self.attributes)
    var model: [String: Tree.NodeID] = [:]
    let folders = [tree.root] + (0..<3).map { add("folder\($0)", &tree, in: tree.root) }
    for _ in 0..<5000 {
      let folder = folders.randomElement(using: &random)!
      let name = "n\(Int.random(in: 0..<400, using: &random))"
      let key = "\(folder.index)/\(name)"
      #expect(find(name, tree, in: folder) == model[key])
      if let node = model[key] {
        tree.remove(node)
        model[key] = nil
      } else {
        model[key] = add(name, &tree, in: folder)
      }
    }
    let listing = tree.listing()
    #expect(
      listing.children(of: folders[1]).count
        == model.keys.filter { $0.hasPrefix("\(folders[1].index)/") }.count)
  }

  @Test func childrenAreInByteOrder() {
    var tree = Tree(root: Self.attributes)
    for name in ["b", "a", "é", "a.b", "B", "ab", "a-b"] { _ = add(name, &tree, in: tree.root) }
    let names = tree.listing().children(of: tree.root).map {
      String(decoding: tree.name(of: $0), as: UTF8.self)
    }
    #expect(names == ["B", "a", "a-b", "a.b", "ab", "b", "é"])
  }

  @Test func rootCanBePlacedBelowAPath() {
    var tree = Tree(root: Self.attributes)
    let file = add("f", &tree, in: tree.root)
    tree.placeRoot(at: [Array("x".utf8), Array("y".utf8)], attributes: Self.attributes)
    #expect(tree.path(of: file) == Array("x/y/f".utf8))
    let listing = tree.listing()
    #expect(listing.children(of: tree.root).map { Array(tree.name(of: $0)) } == [Array("x".utf8)])
  }
}

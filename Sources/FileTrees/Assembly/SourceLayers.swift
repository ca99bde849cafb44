public import TreeModel

/// The trees of several sources, each built on its own and then put on top of those before it.
public struct SourceLayers {
  /// The notes on all sources together.
  public private(set) var notes = AssemblyNotes()
  /// Called with the path in the image of each entry that a later source replaces or removes.
  public var reportReplacement: ([UInt8]) -> Void = { _ in }
  private let options: TreeAssembler.Options
  private let whiteouts: Whiteouts?
  private var tree: Tree
  private var sources = 0
  private var newest: UInt32 = 0

  /// - Parameters:
  ///   - options: those of the sources, apart from what differs between them.
  ///   - whiteouts: how sources mark entries of earlier ones to remove.
  public init(_ options: TreeAssembler.Options, whiteouts: Whiteouts? = nil) {
    self.options = options
    self.whiteouts = whiteouts
    tree = Tree(root: TreeAssembler.missingDirectory(options))
  }

  /// Adds a source's entries.
  ///
  /// - Throws: as `TreeAssembler.finish`.
  public mutating func add(_ assembler: TreeAssembler) throws {
    let other = try assembler.finish()
    newest = max(newest, assembler.newestTime)
    defer { sources += 1 }
    if sources == 0 { notes = assembler.notes } else { notes.add(assembler.notes) }
    if sources == 0 && whiteouts == nil {
      tree = other  // perhaps the only one
      return
    }
    if sources <= 1 {
      // If a tree's root is placed elsewhere, names cannot be found from it.
      let first = tree
      tree = Tree(root: TreeAssembler.missingDirectory(options))
      tree.merge(first)
    }
    var replaced = notes.replacedSources
    tree.merge(other, whiteouts: whiteouts) { [reportReplacement] tree, node in
      let path = tree.path(of: node)
      replaced.add(path)
      reportReplacement(path)
    }
    notes.replacedSources = replaced
    notes.hasWhiteouts = whiteouts != nil
    // No source has an entry for the top unless this one has.
    let top = tree.inode(of: tree.root)
    if tree[top].origin == .missingParent { tree[top].attributes.modified = Int64(newest) }
    notes.closed = ClosedPlaces(of: tree)
  }

  /// The combined tree, and its newest time in seconds since 1970.
  public func finish() -> (tree: Tree, newest: UInt32) {
    (tree, newest)
  }
}

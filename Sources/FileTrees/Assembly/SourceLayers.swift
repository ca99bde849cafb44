public import TreeModel

/// The trees of several sources, each as it would be alone, and on top of those before it.
public struct SourceLayers {
  /// Of all sources together.
  public private(set) var notes = AssemblyNotes()
  private let options: TreeAssembler.Options
  private let whiteouts: Whiteouts?
  private var tree: Tree?
  private var newest: UInt32 = 0

  /// - Parameters:
  ///   - options: those of the sources, but for what differs from one to the next.
  ///   - whiteouts: how sources say what is to go of those before them.
  public init(_ options: TreeAssembler.Options, whiteouts: Whiteouts? = nil) {
    self.options = options
    self.whiteouts = whiteouts
  }

  /// Adds what a source delivered.
  ///
  /// - Throws: as `TreeAssembler.finish`.
  public mutating func add(_ assembler: TreeAssembler) throws {
    let other = try assembler.finish()
    newest = max(newest, assembler.newestTime)
    guard tree != nil || whiteouts != nil else {
      (tree, notes) = (other, assembler.notes)
      return
    }
    if tree == nil {
      tree = Tree(root: TreeAssembler.missingDirectory(options))
      notes = assembler.notes
    } else {
      notes.add(assembler.notes)
    }
    notes.replacedSources += tree!.merge(other, whiteouts: whiteouts)
    // The top has no entry in any source as long as it has none in this one.
    let top = tree!.inode(of: tree!.root)
    if tree![top].origin == .missingParent { tree![top].attributes.modified = Int64(newest) }
    notes.closed = ClosedPlaces(of: tree!)
  }

  /// What all sources make, the newest time in it, in seconds since 1970.
  public func finish() -> (tree: Tree, newest: UInt32) {
    (tree ?? Tree(root: TreeAssembler.missingDirectory(options)), newest)
  }
}

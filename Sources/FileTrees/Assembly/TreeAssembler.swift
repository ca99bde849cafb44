import Posix
public import TreeModel

/// Builds the tree of an image from the entries of a source, as `tar -x` would in an empty
/// directory, and passes on the files' contents.
///
/// The last entry of a name wins; a hard link may come before its target; missing parents are
/// created; no entry goes through a symlink or out of the tree.
public final class TreeAssembler: EntrySink {
  public struct Options: Sendable {
    public var ownership = OwnershipPolicy()
    public var selection = Selection()
    /// Whether what an image cannot hold (POSIX ACLs) is an error.
    public var isStrict = false
    /// Whether `Selection.Stripping.auto` may strip: only names in archives have a top to strip.
    public var stripsSingleTop = false
    /// What users may call the source if it is a directory.
    public var sourceName: SourceName?
    /// The files whose data should lie side by side.
    public var order = AccessOrder()
    public var modes: ModeChange?
    public var times = TimePolicy.keep
    public var xattrs = XattrPolicy.usual
    /// Whether each name of a file becomes a file of its own.
    public var separatesHardLinks = false

    public init() {}
  }

  /// Called with the source's path of each excluded entry, and the reason; once for a directory
  /// excluded with everything in it.
  public var reportExclusion: (ArraySlice<UInt8>, String) -> Void = { _, _ in }

  public internal(set) var notes = AssemblyNotes()
  /// Whether the source ended too early; set it before `finish`.
  public var isSourceCut = false

  let options: Options
  let content: (any ContentSink)?
  var tree: Tree
  var path = EntryPath()
  var linkPath = EntryPath()
  /// Looks through a whole archive for its single top directory, if it can be read twice.
  public var findTop: () throws -> SingleTop? = { nil }
  /// Finds the file at a path of an old image, if there is one.
  public var findOld: ((ArraySlice<UInt8>) -> OldFile?)?
  /// Whether the last old file was found without the archive's single top directory in its path.
  var oldLosesTop = true
  /// The path in the image that `place` gives, built here to reuse the memory.
  var placed: [UInt8] = []
  var top = SingleTop()
  /// Whether `top` accounts for all entries.
  var isTopCertain = false
  /// The assumed single top directory, if the source could be read only once.
  var assumedTop: [UInt8]?
  /// Directories excluded with everything in them.
  var leftOutDirectories: Set<[UInt8]> = []
  /// Whether something lies below --root-becomes, going by the source's own names.
  var matchesRootFromSource = false
  var pending: [PendingLink] = []
  var newest: Int64 = 0
  private var delivered = 0
  private var missingParents = 0
  /// A path of 4 KiB can name two thousand directories, and a small archive can have many of those.
  private static let freeParents = 100_000
  private static let parentsForEach = 16
  var identified = IdentifiedFiles()
  var linkSteps = LinkedPath.mostSteps

  /// - Parameter content: receives the bytes of files; `nil` for a dry run.
  public init(_ options: Options, content: (any ContentSink)?) {
    self.options = options
    self.content = content
    tree = Tree(root: Self.missingDirectory(options))
    notes.patterns = PatternUse(options.selection)
    notes.mappings = MappingUse(options.ownership)
    notes.xattrs = XattrUse(options.xattrs)
  }

  // MARK: Entries

  public func leavesOut(_ bytes: [UInt8]) throws -> Bool {
    guard options.selection.choosesEntries else { return false }
    try parse(bytes, into: &path)
    return leavesOutUnopened()
  }

  public func add(
    _ entry: TreeEntry, content readContent: (any ContentSink) throws -> Void
  ) throws -> Bool {
    let isTaken = try addSelected(entry, readContent)
    if !isTaken, entry.identity != nil { try takeForOthers(entry, readContent) }
    return isTaken
  }

  private func addSelected(
    _ entry: TreeEntry, _ readContent: (any ContentSink) throws -> Void
  ) throws -> Bool {
    try parse(entry.path, into: &path)
    if path.isAbsolute && !path.components.isEmpty { notes.leadingSlashes += 1 }
    try noteTop(of: entry)
    let isDirectory = entry.kind == .directory
    switch try choose(isDirectory: isDirectory) {
    case .leavesOut(let leadsOn): return leadsOn
    case .takes(let names, let isIncluded):
      delivered += 1
      guard isIncluded || isDirectory else {
        leaveOut(to: path.bytes.count, "no --include matches")
        return false
      }
      try addPlaced(entry, names, isIncluded: isIncluded, readContent)
      return true
    }
  }

  private func addPlaced(
    _ entry: TreeEntry, _ names: ArraySlice<Range<Int>>, isIncluded: Bool,
    _ readContent: (any ContentSink) throws -> Void
  ) throws {
    var attributes = entry.attributes
    var xattrs = entry.xattrs
    try keepStorable(&xattrs, of: entry)
    setTime(&attributes)
    if case .symlink = entry.kind {
      attributes.permissions = 0o777  // as Linux makes them, whatever another system wrote
    } else if let modes = options.modes {
      attributes.permissions = modes.apply(
        to: attributes.permissions, isDirectory: entry.kind == .directory)
    }
    guard
      options.ownership.owner != .keep
        || (attributes.uid != .max && attributes.gid != .max)
    else {
      var error = refused(entry, "its owner is not a valid number")
      error.remedies = [.ownership]
      throw error
    }
    notes.mappings.note(uid: attributes.uid, gid: attributes.gid)
    if options.ownership.apply(
      to: &attributes, isRegular: entry.kind.isFile, xattrs: &xattrs)
    {
      notes.droppedSetIDs += 1
    }

    guard let last = names.last else {
      try setRoot(entry, attributes, xattrs)
      return
    }
    let parent = try parentDirectory(names.dropLast(), entry)
    let existing = path.bytes.withUnsafeBytes { bytes in
      tree.child(of: parent, named: UnsafeRawBufferPointer(rebasing: bytes[last]))
    }

    if entry.kind == .directory {
      return try addDirectory(
        last, in: parent, existing, entry, attributes, xattrs,
        origin: isIncluded ? .entry : .ifNeeded)
    }
    if entry.identity != nil {
      let node = NewNode(
        name: last, parent: parent, existing: existing, attributes: attributes, xattrs: xattrs)
      return try addIdentified(entry, as: node, readContent)
    }
    let kind: Tree.Kind
    switch entry.kind {
    case .hardLink(let target, let hasContent):
      _ = rankOfEntry()  // known, although another name brings the bytes
      try addLink(last, in: parent, existing, entry, target, hasContent, readContent)
      return
    case .regular(let size): kind = .regular(try take(size, readContent))
    default: kind = try special(entry)
    }
    try replace(existing, entry)
    let inode = tree.addInode(
      Tree.Inode(attributes: attributes, kind: kind, xattrs: tree.xattrSet(xattrs)))
    addNode(last, in: parent, inode)
  }

  /// The kind of an entry other than file, directory and hard link.
  func special(_ entry: TreeEntry) throws -> Tree.Kind {
    switch entry.kind {
    case .symlink(let target):
      guard target.count <= LinuxLimits.longestPath else {
        throw refused(
          entry, "the link's target has more than 4,095 bytes, longer than Linux allows")
      }
      guard !target.isEmpty else { throw refused(entry, "a symbolic link without a target") }
      guard !target.contains(0) else { throw refused(entry, "a target with a NUL byte") }
      return tree.symlink(to: target)
    case .blockDevice(let device): return .blockDevice(device)
    case .characterDevice(let device): return .characterDevice(device)
    case .fifo: return .fifo
    case .socket: return .socket
    case .directory, .regular, .hardLink: preconditionFailure("not a special file")
    }
  }

  private func addDirectory(
    _ name: Range<Int>, in parent: Tree.NodeID, _ existing: Tree.NodeID?, _ entry: TreeEntry,
    _ attributes: Attributes, _ xattrs: [ExtendedAttribute], origin: Tree.Origin
  ) throws {
    let inode = Tree.Inode(
      attributes: attributes, kind: .directory, xattrs: tree.xattrSet(xattrs), origin: origin)
    if let existing, tree.isDirectory(existing) {
      tree[tree.inode(of: existing)] = inode
      return
    }
    try replace(existing, entry)
    addNode(name, in: parent, tree.addInode(inode))
  }

  func addNode(_ name: Range<Int>, in parent: Tree.NodeID, _ inode: Tree.InodeID) {
    path.bytes.withUnsafeBytes { bytes in
      _ = tree.addNode(UnsafeRawBufferPointer(rebasing: bytes[name]), in: parent, inode: inode)
    }
  }

  /// Makes room for an entry whose name is taken: the last one wins.
  func replace(_ existing: Tree.NodeID?, _ entry: TreeEntry) throws {
    guard let existing else { return }
    if tree.isDirectory(existing), !tree.isEmptyDirectory(existing) {
      throw refused(entry, "the archive has a directory with entries of the same name")
    }
    noteReplacement(tree.path(of: existing))
    tree.remove(existing)
  }

  func noteReplacement(_ path: [UInt8]) {
    notes.replaced.add(path)
    reportExclusion(path[...], "replaced by a later entry of the same name")
  }

  func take(
    _ size: UInt64?, _ readContent: (any ContentSink) throws -> Void
  ) throws -> ContentID {
    let rank = rankOfEntry()
    guard let content else { return ContentID(number: 0) }
    return try take(size, rank, into: content, readContent)
  }

  func take(
    _ size: UInt64?, _ rank: UInt32?, into content: any ContentSink,
    _ readContent: (any ContentSink) throws -> Void
  ) throws -> ContentID {
    do {
      try content.begin(size: size, rank: rank, old: oldFileOfEntry())
      try readContent(content)
      return try content.end()
    } catch let error as UnreadableFile {
      try content.abandon()
      throw error
    } catch let error as ContentTooLarge {
      throw SourceError(.refused, path: Array(path.tidy), error.reason)
    }
  }

  // MARK: Places

  func parse(
    _ bytes: [UInt8], into path: inout EntryPath, of entry: [UInt8]? = nil
  ) throws {
    func refused(_ message: String) -> SourceError {
      SourceError(.refused, path: entry ?? bytes, message)
    }
    do {
      try path.parse(bytes)
    } catch {
      switch error {
      case .parentReference:
        throw refused("a path with \"..\" could leave the image; repack without it")
      case .nulByte: throw refused("a name with a NUL byte")
      case .nameTooLong:
        throw refused(
          "a name of more than \(LinuxLimits.longestName) bytes, longer than Linux allows")
      }
    }
  }

  private func parentDirectory(
    _ names: ArraySlice<Range<Int>>, _ entry: TreeEntry
  ) throws -> Tree.NodeID {
    var parent = tree.root
    for name in names {
      parent = try path.bytes.withUnsafeBytes { bytes in
        try directory(UnsafeRawBufferPointer(rebasing: bytes[name]), in: parent, entry)
      }
    }
    return parent
  }

  /// The directory of that name, created if missing.
  private func directory(
    _ name: UnsafeRawBufferPointer, in parent: Tree.NodeID, _ entry: TreeEntry
  ) throws -> Tree.NodeID {
    if let node = tree.child(of: parent, named: name) {
      guard tree.isDirectory(node) else {
        throw refused(
          entry, "it lies below \(tree.path(of: node).escapedName), which is not a directory")
      }
      return node
    }
    missingParents += 1
    guard missingParents <= Self.freeParents + Self.parentsForEach * delivered else {
      throw refused(
        entry,
        "the entries so far need \(missingParents.grouped) directories without an entry of their own"
      )
    }
    let inode = tree.addInode(
      Tree.Inode(
        attributes: Self.missingDirectory(options), kind: .directory, origin: .missingParent))
    return tree.addNode(name, in: parent, inode: inode)
  }

  /// The attributes of a directory without an entry, except for the time.
  static func missingDirectory(_ options: Options) -> Attributes {
    let permissions = options.modes?.apply(to: 0o755, isDirectory: true) ?? 0o755
    return Attributes(permissions: permissions, uid: 0, gid: 0, modified: 0)
  }

  private func setRoot(
    _ entry: TreeEntry, _ attributes: Attributes, _ xattrs: [ExtendedAttribute]
  ) throws {
    guard entry.kind == .directory else {
      throw refused(entry, "the root of an image must be a directory")
    }
    tree[tree.inode(of: tree.root)] = Tree.Inode(
      attributes: attributes, kind: .directory, xattrs: tree.xattrSet(xattrs))
  }

  // MARK: Details

  private func setTime(_ attributes: inout Attributes) {
    attributes.modified = options.times.apply(to: attributes.modified)
    if attributes.modified == Attributes.unknownTime { return }
    if attributes.modified < 0 || attributes.modified > Int64(UInt32.max) {
      notes.clampedTimes += 1
      attributes.modified = Int64(UInt32(clamping: attributes.modified))
    }
    newest = max(newest, attributes.modified)
  }

  func refused(_ entry: TreeEntry, _ message: String) -> SourceError {
    SourceError(.refused, path: entry.path, message)
  }
}

extension TreeEntry.Kind {
  fileprivate var isFile: Bool {
    if case .regular = self { return true }
    return false
  }
}

import Posix
import TreeModel

/// Files by their entries' identities, for a source that does not name the targets of hard links
/// (cpio).
struct IdentifiedFiles {
  /// What, together with its identity, makes an entry a name of the file.
  enum What: Hashable {
    /// The bytes have not come yet.
    case awaited
    case bytes(size: UInt64, SHA256.Digest)
    case symlink(target: [UInt8])
    case special(TreeEntry.Kind)
  }

  struct Key: Hashable {
    var identity: FileIdentity
    var what: What
  }

  struct File {
    var inode: Tree.InodeID
    /// The name that came first, for messages.
    var first: [UInt8]
    /// The number of names so far, excluded ones included.
    var names: UInt32
  }

  /// A file's number in the source, regardless of its other fields.
  struct Number: Hashable {
    var segment: Int
    var device: UInt64
    var number: Int64

    init(_ identity: FileIdentity) {
      (segment, device, number) = (identity.segment, identity.device, identity.number)
    }
  }

  var files: [Key: File] = [:]
  /// The file that last received its bytes.
  var latest: [FileIdentity: What] = [:]
  /// Files that had all their names before any bytes came, and others with their number since.
  var complete: [(key: Key, value: File)] = []
  /// All numbers that received bytes, with a name that brought them.
  var filled: [Number: [UInt8]] = [:]

  /// The file that another name of this kind belongs to.
  func open(_ identity: FileIdentity, _ what: What, in tree: Tree) -> Key? {
    let key = Key(identity: identity, what: what)
    guard let file = files[key], file.names < identity.links, tree[file.inode].links > 0 else {
      return nil
    }
    return key
  }
}

extension TreeAssembler {
  /// A name on its way into the tree.
  struct NewNode {
    var name: Range<Int>
    var parent: Tree.NodeID
    var existing: Tree.NodeID?
    var attributes: Attributes
    var xattrs: [ExtendedAttribute]
  }

  /// Adds a file, or another name of an existing one.
  func addIdentified(
    _ entry: TreeEntry, as node: NewNode, _ readContent: (any ContentSink) throws -> Void
  ) throws {
    guard let identity = entry.identity else { return }
    // Repeats an existing name whose bytes have come.
    if case .regular(size: 0) = entry.kind, identity.bringsContentLast,
      let existing = node.existing,
      let latest = identified.latest[identity],
      identified.files[IdentifiedFiles.Key(identity: identity, what: latest)]?.inode
        == tree.inode(of: existing)
    {
      return
    }
    let (what, content) = try identify(entry, identity, readContent)
    if let key = identified.open(identity, what, in: tree) {
      try addName(of: key, as: node, entry)
      return
    }
    let kind: Tree.Kind
    if case .regular = entry.kind {
      kind = .regular(try content ?? take(0) { _ in })
    } else {
      kind = try special(entry)
    }
    try replace(node.existing, entry)
    let inode = tree.addInode(
      Tree.Inode(
        attributes: node.attributes, kind: kind, xattrs: tree.xattrSet(node.xattrs)))
    addNode(node.name, in: node.parent, inode)
    let key = IdentifiedFiles.Key(identity: identity, what: what)
    let file = IdentifiedFiles.File(inode: inode, first: entry.path, names: 1)
    if let before = identified.files.updateValue(file, forKey: key), what == .awaited {
      identified.complete.append((key, before))
    }
    if content != nil { identified.latest[identity] = what }
  }

  private func addName(
    of key: IdentifiedFiles.Key, as node: NewNode, _ entry: TreeEntry
  ) throws {
    guard let file = identified.files[key] else { return }
    identified.files[key]?.names += 1
    if let existing = node.existing, tree.inode(of: existing) == file.inode { return }
    try replace(node.existing, entry)
    tree[file.inode].links += 1
    addNode(node.name, in: node.parent, file.inode)
  }

  /// What an entry is apart from its identity; passes its bytes to the file that awaits them.
  private func identify(
    _ entry: TreeEntry, _ identity: FileIdentity,
    _ readContent: (any ContentSink) throws -> Void
  ) throws -> (IdentifiedFiles.What, ContentID?) {
    switch entry.kind {
    case .regular(let size):
      if size == 0 && identity.bringsContentLast {
        // A name may also follow the one that brought the bytes; the kernel accepts that.
        if let latest = identified.latest[identity],
          identified.open(identity, latest, in: tree) != nil
        {
          return (latest, nil)
        }
        return (.awaited, nil)
      }
      let hash = HashingSink(content)
      let content = try take(size, content == nil ? nil : rankOfEntry(), into: hash, readContent)
      let what = IdentifiedFiles.What.bytes(size: hash.size, hash.digest())
      identified.filled[IdentifiedFiles.Number(identity)] = entry.path
      try give(content, what, to: identity, entry)
      return (what, content)
    case .symlink(let target): return (.symlink(target: target), nil)
    default: return (.special(entry.kind), nil)
    }
  }

  /// Gives the bytes to the names that came before them.
  private func give(
    _ content: ContentID, _ what: IdentifiedFiles.What, to identity: FileIdentity,
    _ entry: TreeEntry
  ) throws {
    let key = IdentifiedFiles.Key(identity: identity, what: .awaited)
    guard let file = identified.files[key] else { return }
    guard file.names < identity.links else {
      throw refused(
        entry,
        "more members share its inode number than it has links, so nothing tells which are "
          + "names of one file; make the archive again, with distinct numbers "
          + "(cpio --renumber-inodes)")
    }
    identified.files[key] = nil
    tree[file.inode].kind = .regular(content)
    identified.files[IdentifiedFiles.Key(identity: identity, what: what)] = file
    identified.latest[identity] = what
  }

  /// Takes the bytes of an excluded entry if earlier names wait for them.
  func takeForOthers(
    _ entry: TreeEntry, _ readContent: (any ContentSink) throws -> Void
  ) throws {
    guard let identity = entry.identity, case .regular(let size) = entry.kind else { return }
    let awaited = IdentifiedFiles.Key(identity: identity, what: .awaited)
    if size == 0 {
      identified.files[awaited]?.names += 1
    } else if identified.files[awaited] != nil {
      _ = try identify(entry, identity, readContent)
    } else {
      identified.filled[IdentifiedFiles.Number(identity)] = entry.path
    }
  }

  /// Makes files whose bytes never came empty, unless something shows that they are not.
  ///
  /// - Throws: `SourceError` if bytes came for the same number.
  func resolveAwaited() throws {
    var lost: Set<Tree.InodeID> = []
    let awaited = identified.files.filter { $0.key.what == .awaited }
    for (key, file) in identified.complete + awaited {
      let isThere = tree[file.inode].links > 0
      if isThere, let other = identified.filled[IdentifiedFiles.Number(key.identity)] {
        throw SourceError(
          .refused, path: file.first,
          "its data is under another name, \(other.escapedName), which was left out or has other "
            + "attributes; take both, or make the archive again")
      }
      if isThere && isSourceCut { lost.insert(file.inode) }
    }
    guard !lost.isEmpty else { return }
    for node in Array(tree.liveNodes) where lost.contains(tree.inode(of: node)) {
      tree.remove(node)
      notes.lostByCut += 1
    }
  }
}

/// Hashes the bytes on their way to another sink or to nowhere.
private final class HashingSink: ContentSink {
  private let next: (any ContentSink)?
  private var hash = SHA256()
  private(set) var size: UInt64 = 0
  private lazy var scratch = [UInt8](repeating: 0, count: 64 << 10)

  init(_ next: (any ContentSink)?) { self.next = next }

  func begin(size: UInt64?, rank: UInt32?, old: OldFile?) throws {
    try next?.begin(size: size, rank: rank, old: old)
  }

  func withFreeSpace(_ body: (UnsafeMutableRawBufferPointer) throws -> Int) throws -> Int {
    func fill(_ space: UnsafeMutableRawBufferPointer) throws -> Int {
      let count = try body(space)
      hash.update(UnsafeRawBufferPointer(rebasing: space[..<count]))
      size += UInt64(count)
      return count
    }
    if let next { return try next.withFreeSpace(fill) }
    return try scratch.withUnsafeMutableBytes(fill)
  }

  func addHole(_ count: UInt64) throws {
    try next?.addHole(count)
    hash.update(zeros: count)
    size += count
  }

  func end() throws -> ContentID { try next?.end() ?? ContentID(number: 0) }
  func abandon() throws { try next?.abandon() }

  func digest() -> SHA256.Digest { hash.finish() }
}

import Posix
import SquashFSFormat
import TreeModel

/// Makes an image from the entries added to it. Contents are compressed and written as they come;
/// the image appears under its name once it is complete, and not at all if it is never finished.
///
/// The same entries in the same order make the same image, byte for byte, on any number of threads.
public struct ImageBuilder: ~Copyable {
  /// How to make the image.
  public struct Options: Sendable {
    /// The compression: xz by default.
    public var compression = Compression(.xz)!
    /// The size of a block in bytes: a power of two from 4,096 to 1,048,576.
    public var blockSize = 131_072
    /// The number of threads for compression, at least 1.
    public var threads = 1
    /// Whether to replace an existing file.
    public var replacesExisting = false

    /// The defaults.
    public init() {}
  }

  /// What was written.
  public struct Summary: Sendable {
    /// The number of files, directories and others, the root included.
    public let inodeCount: Int
    /// The size of the image in bytes, a multiple of 4,096.
    public let byteCount: UInt64
  }

  /// A file other than a regular file, directory or link.
  public enum SpecialFile: Sendable {
    case fifo
    case socket
    /// The major number must be below 4,096, the minor below 1,048,576.
    case blockDevice(major: UInt32, minor: UInt32)
    case characterDevice(major: UInt32, minor: UInt32)
  }

  private let file: AtomicFile
  private let writer: ImageWriter
  private var tree: Tree

  /// Starts an image.
  ///
  /// - Parameters:
  ///   - path: the file to create.
  ///   - options: how to make it.
  ///   - root: owner, mode and time of the root directory, and of directories that are not added.
  /// - Throws: `ImageWriteError` with the codes `invalidOption` and `unwritable`.
  public init(
    path: String, options: Options = Options(),
    root: FileMetadata = FileMetadata(permissions: 0o755)
  ) throws(ImageWriteError) {
    guard let blockSize = BlockSize(byteCount: options.blockSize), options.threads > 0 else {
      throw ImageWriteError(
        .invalidOption,
        "\(options.threads) threads and blocks of \(options.blockSize) bytes: use at least one thread, "
          + "and blocks of a power of two from 4,096 to 1,048,576 bytes")
    }
    var written = ImageWriter.Options()
    written.compression = options.compression
    written.blockSize = blockSize
    written.threads = options.threads
    let parts: (file: AtomicFile, writer: ImageWriter)
    do {
      let file = try AtomicFile(path: HostPath(path), replacing: options.replacesExisting)
      parts = (file, try ImageWriter(file, options: written))
    } catch {
      throw ImageWriteError(error)
    }
    (file, writer) = parts
    tree = Tree(root: root.attributes)
  }

  /// Adds a directory. One that already has entries gets this owner, mode and time.
  ///
  /// - Parameters:
  ///   - path: its path.
  ///   - metadata: its owner, mode and time.
  /// - Throws: `ImageWriteError` with the codes `invalidPath` and `exists`.
  public mutating func addDirectory(
    _ path: ImagePath, _ metadata: FileMetadata = FileMetadata(permissions: 0o755)
  ) throws(ImageWriteError) {
    let inode = Tree.Inode(attributes: metadata.attributes, kind: .directory)
    let (parent, name) = try place(of: path)
    if let known = name.withUnsafeBytes({ tree.child(of: parent, named: $0) }) {
      let number = tree.inode(of: known)
      guard tree[number].origin == .missingParent else { throw Self.exists(path) }
      tree[number] = inode
      return
    }
    add(inode, name, in: parent)
  }

  /// Adds a regular file.
  ///
  /// - Parameters:
  ///   - path: its path.
  ///   - contents: all its bytes.
  ///   - metadata: its owner, mode and time.
  /// - Throws: `ImageWriteError` with the codes `invalidPath`, `exists`, `tooLarge`, `unwritable`.
  public mutating func addFile(
    _ path: ImagePath, contents: [UInt8],
    _ metadata: FileMetadata = FileMetadata(permissions: 0o644)
  ) throws(ImageWriteError) {
    try addFile(path, pieces: CollectionOfOne(contents), metadata)
  }

  /// Adds a regular file from pieces of any size, so that it never has to be in memory as a
  /// whole.
  ///
  /// - Parameters:
  ///   - path: its path.
  ///   - pieces: its bytes in order.
  ///   - metadata: its owner, mode and time.
  /// - Throws: `ImageWriteError` with the codes `invalidPath`, `exists`, `tooLarge`, `unwritable`.
  public mutating func addFile(
    _ path: ImagePath, pieces: some Sequence<[UInt8]>,
    _ metadata: FileMetadata = FileMetadata(permissions: 0o644)
  ) throws(ImageWriteError) {
    let (parent, name) = try freePlace(of: path)
    let content = writer.content
    let id: ContentID
    do {
      try content.begin(size: nil)
      for piece in pieces { try piece.withUnsafeBytes { try content.append($0) } }
      id = try content.end()
    } catch {
      try? content.abandon()
      throw ImageWriteError(error)
    }
    add(Tree.Inode(attributes: metadata.attributes, kind: .regular(id)), name, in: parent)
  }

  /// Adds a symbolic link.
  ///
  /// - Parameters:
  ///   - path: its path.
  ///   - target: 1 to 4,095 bytes, none of them NUL; it need not exist.
  ///   - metadata: its owner and time; Linux shows all links with the mode 0777.
  /// - Throws: `ImageWriteError` with the codes `invalidPath` and `exists`.
  public mutating func addSymbolicLink(
    _ path: ImagePath, to target: ImagePath,
    _ metadata: FileMetadata = FileMetadata(permissions: 0o777)
  ) throws(ImageWriteError) {
    let (parent, name) = try freePlace(of: path)
    guard (1...LinuxLimits.longestPath).contains(target.bytes.count), !target.bytes.contains(0)
    else {
      throw ImageWriteError(
        .invalidPath, "\(path): a target of \(target.bytes.count.counted("byte")), or with a NUL")
    }
    let kind = tree.symlink(to: target.bytes)
    add(Tree.Inode(attributes: metadata.attributes, kind: kind), name, in: parent)
  }

  /// Gives an existing entry another name.
  ///
  /// - Parameters:
  ///   - path: the path of the new name.
  ///   - existing: an existing name.
  /// - Throws: `ImageWriteError` with the codes `invalidPath`, `exists`, and `notFound`, also for a
  ///   directory, which can have only one name.
  public mutating func addHardLink(
    _ path: ImagePath, to existing: ImagePath
  ) throws(ImageWriteError) {
    let (parent, name) = try freePlace(of: path)
    let inode = tree.inode(of: try node(at: existing))
    guard tree[inode].kind != .directory else {
      throw ImageWriteError(.notFound, "\(existing): a directory has one name only")
    }
    tree[inode].links += 1
    name.withUnsafeBytes { _ = tree.addNode($0, in: parent, inode: inode) }
  }

  /// Adds a device, a fifo or a socket.
  ///
  /// - Parameters:
  ///   - path: its path.
  ///   - special: the kind of file.
  ///   - metadata: its owner, mode and time.
  /// - Throws: `ImageWriteError` with the codes `invalidPath` and `exists`; `finish` checks device
  ///   numbers.
  public mutating func addSpecialFile(
    _ path: ImagePath, _ special: SpecialFile,
    _ metadata: FileMetadata = FileMetadata(permissions: 0o644)
  ) throws(ImageWriteError) {
    let (parent, name) = try freePlace(of: path)
    let kind: Tree.Kind =
      switch special {
      case .fifo: .fifo
      case .socket: .socket
      case .blockDevice(let major, let minor):
        .blockDevice(DeviceNumber(major: major, minor: minor))
      case .characterDevice(let major, let minor):
        .characterDevice(DeviceNumber(major: major, minor: minor))
      }
    add(Tree.Inode(attributes: metadata.attributes, kind: kind), name, in: parent)
  }

  /// Sets an extended attribute of an existing entry; the last value of a name wins.
  ///
  /// - Parameters:
  ///   - name: at most 255 bytes, beginning with `user.`, `trusted.` or `security.`.
  ///   - value: at most 65,536 bytes.
  ///   - path: the entry.
  /// - Throws: `ImageWriteError` with the codes `invalidPath`, `notFound` and `tooLarge`.
  public mutating func setExtendedAttribute(
    _ name: String, to value: [UInt8], of path: ImagePath
  ) throws(ImageWriteError) {
    let inode = tree.inode(of: try node(at: path))
    let name = Array(name.utf8)
    guard XattrPrefix(of: name) != nil, name.count <= LinuxLimits.longestXattrName,
      value.count <= LinuxLimits.longestXattrValue
    else {
      throw ImageWriteError(
        .tooLarge, "\(path): the attribute \(name.escapedName) of \(value.count.counted("byte"))")
    }
    let others = tree[inode].xattrs.map { tree.xattrSets[$0.index] } ?? []
    tree[inode].xattrs = tree.xattrSet([ExtendedAttribute(name: name, value: value)] + others)
  }

  /// Writes the names and everything that belongs to them, and makes the image appear.
  ///
  /// - Parameter modified: the image's own time, in seconds since 1970.
  /// - Throws: `ImageWriteError` with the codes `tooLarge` and `unwritable`; no image appears then.
  public consuming func finish(modified: UInt32 = 0) throws(ImageWriteError) -> Summary {
    do {
      let summary = try writer.finish(tree, modified: modified)
      try file.publish()
      return Summary(inodeCount: summary.inodes, byteCount: summary.imageBytes)
    } catch {
      throw ImageWriteError(error)
    }
  }

  // MARK: Places

  private static func exists(_ path: ImagePath) -> ImageWriteError {
    ImageWriteError(.exists, "\(path): an entry of this path exists already")
  }

  private static func names(in path: ImagePath) throws(ImageWriteError) -> [[UInt8]] {
    let names = path.bytes.split(separator: pathSeparator, omittingEmptySubsequences: false)
    let isPath = names.allSatisfy { name in
      DirectoryCursor.isName(Array(name)) && name.count <= LinuxLimits.longestName
    }
    guard isPath else {
      throw ImageWriteError(
        .invalidPath,
        "\"\(path)\" is not a valid path: use names of 1 to 255 bytes, with one slash between "
          + "them, none of them . or ..")
    }
    return names.map { Array($0) }
  }

  private func node(at path: ImagePath) throws(ImageWriteError) -> Tree.NodeID {
    var node = tree.root
    for part in try Self.names(in: path) {
      guard let next = part.withUnsafeBytes({ tree.child(of: node, named: $0) }) else {
        throw ImageWriteError(.notFound, "\(path): no entry of this path was added")
      }
      node = next
    }
    return node
  }

  /// Finds the place of an entry; creates missing directories on the way.
  private mutating func place(
    of path: ImagePath
  ) throws(ImageWriteError) -> (parent: Tree.NodeID, name: [UInt8]) {
    let names = try Self.names(in: path)
    var parent = tree.root
    for name in names.dropLast() {
      guard let next = name.withUnsafeBytes({ tree.child(of: parent, named: $0) }) else {
        let attributes = tree[tree.inode(of: tree.root)].attributes
        parent = add(
          Tree.Inode(attributes: attributes, kind: .directory, origin: .missingParent), name,
          in: parent)
        continue
      }
      guard tree.isDirectory(next) else { throw Self.exists(ImagePath(bytes: tree.path(of: next))) }
      parent = next
    }
    return (parent, names[names.count - 1])
  }

  private mutating func freePlace(
    of path: ImagePath
  ) throws(ImageWriteError) -> (parent: Tree.NodeID, name: [UInt8]) {
    let (parent, name) = try place(of: path)
    guard name.withUnsafeBytes({ tree.child(of: parent, named: $0) }) == nil else {
      throw Self.exists(path)
    }
    return (parent, name)
  }

  @discardableResult
  private mutating func add(
    _ inode: Tree.Inode, _ name: [UInt8], in parent: Tree.NodeID
  ) -> Tree.NodeID {
    let number = tree.addInode(inode)
    return name.withUnsafeBytes { tree.addNode($0, in: parent, inode: number) }
  }
}

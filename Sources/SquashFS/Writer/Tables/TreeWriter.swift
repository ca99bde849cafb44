import SquashFSFormat
import TreeModel

/// Writes the inode table and the directory table.
///
/// Directories come after their contents, since an entry refers to its inode and a directory's
/// inode to its entries.
struct TreeWriter: ~Copyable {
  private let tree: Tree
  private let listing: Tree.Listing
  private let data: BlockStore
  private let placement: DataPlacement
  let inodes: MetadataWriter
  let directories: MetadataWriter
  private(set) var ids = IDTable()

  /// Indexed by the tree's inode; number 0 means "not written".
  private var numbers: [UInt32]
  /// The places of the inodes, indexed alike.
  private var places: [MetadataPlace]
  private(set) var count: UInt32 = 0
  private var record = ByteWriter()
  /// The places in `record` for starts of directory blocks.
  private var links: [MetadataLink] = []

  init(
    _ tree: Tree, data: BlockStore, placement: DataPlacement, _ packer: MetadataPacker
  ) {
    self.tree = tree
    self.data = data
    self.placement = placement
    listing = tree.listing()
    inodes = MetadataWriter(packer, shape: .words)
    directories = MetadataWriter(packer, shape: .entries)
    inodes.target = directories
    directories.target = inodes
    numbers = Array(repeating: 0, count: tree.inodeCount)
    places = Array(repeating: MetadataPlace(block: 0, offset: 0), count: tree.inodeCount)
  }

  /// The inode numbers and the inodes' places, in numerical order.
  var exportRows: [MetadataReference] {
    var rows = [MetadataReference](repeating: MetadataReference(rawValue: 0), count: Int(count))
    for index in numbers.indices where numbers[index] != 0 {
      rows[Int(numbers[index]) - 1] = inodes.reference(to: places[index])
    }
    return rows
  }

  /// Writes everything below the tree's root, and the root.
  ///
  /// - Returns: the place of the root's inode.
  mutating func write() throws -> MetadataReference {
    try assignNumbers()
    var isWritten = [Bool](repeating: false, count: tree.inodeCount)
    var listingWriter = DirectoryListing(table: directories)
    let isRootFirst = try reserveRoot()
    var walk = PostOrder(root: tree.root, listing: listing) { [tree] in tree.isDirectory($0) }
    while let node = walk.next() {
      let id = tree.inode(of: node)
      guard !isWritten[id.index] else { continue }
      isWritten[id.index] = true
      let inode = tree[id]
      let body: Inode.Body
      var links = inode.links
      if inode.kind == .directory {
        var directory: Inode.Directory
        (directory, links) = try self.directory(node, &listingWriter)
        if node == tree.root && isRootFirst {
          try finish(directories)
          directory.listing = directories.reference(to: listingWriter.start)
          directory.index = []
        }
        body = .directory(directory)
      } else {
        body = try self.body(of: inode, node)
      }
      try encode(node, body, links: links)
      if node == tree.root && isRootFirst {
        try record.withBytes { try inodes.fillReserved($0) }
      } else {
        places[id.index] = inodes.position
        try record.withBytes { try inodes.append($0, links: self.links) }
        if case .regular(let content) = inode.kind {
          try appendBlocks(of: data.files[Int(content.number)])
        }
      }
    }
    try finish(directories)
    try finish(inodes)
    return inodes.reference(to: places[tree.inode(of: tree.root).index])
  }

  private func finish(_ table: MetadataWriter) throws {
    try table.finish()
    guard table.table.count <= Int(UInt32.max) else { throw ImageError.tablesTooLarge }
  }

  /// Leaves room for the root's inode before all others: it is read first, and over a network what
  /// follows comes along.
  ///
  /// - Returns: false if the root has so many entries, more than four blocks of them, that it needs
  ///   an index, whose size is not known yet.
  private mutating func reserveRoot() throws -> Bool {
    let size = listing.children(of: tree.root).reduce(0) { size, child in
      // An entry, plus a header in the worst case.
      size + 20 + tree.name(of: child).count
    }
    guard size <= 4 * MetadataBlock.byteCount else { return false }
    let unknown = Inode.Directory(
      listing: MetadataReference(rawValue: 0), listingSize: 0, parent: 0, index: [])
    try encode(tree.root, .directory(unknown), links: 0)
    inodes.reserve(record.count)
    return true
  }

  /// Encodes an inode into `record` and `links`.
  private mutating func encode(
    _ node: Tree.NodeID, _ body: Inode.Body, links: UInt32
  ) throws(ImageError) {
    let id = tree.inode(of: node)
    let inode = tree[id]
    let encoded = Inode(
      permissions: inode.attributes.permissions,
      uidIndex: try ids.row(of: inode.attributes.uid),
      gidIndex: try ids.row(of: inode.attributes.gid),
      modified: UInt32(clamping: inode.attributes.modified), number: numbers[id.index],
      links: links, xattrIndex: inode.xattrs.map { UInt32($0.index) } ?? Inode.noXattrs, body: body)
    record.removeAll()
    record.append(encoded)
    self.links.removeAll(keepingCapacity: true)
    encoded.forEachBlockStart { self.links.append(MetadataLink(offset: $0, block: $1)) }
  }

  /// Assigns numbers in the order in which the inodes are written, so that those within one
  /// directory differ little; a parent's number must be known before the parent is written.
  private mutating func assignNumbers() throws {
    var walk = PostOrder(root: tree.root, listing: listing) { [tree] in tree.isDirectory($0) }
    while let node = walk.next() {
      let index = tree.inode(of: node).index
      guard numbers[index] == 0 else { continue }
      guard count < UInt32.max - 1 else { throw ImageError.tooManyInodes }
      count += 1
      numbers[index] = count
    }
  }

  private func directory(
    _ node: Tree.NodeID, _ writer: inout DirectoryListing
  ) throws -> (Inode.Directory, UInt32) {
    var links: UInt32 = 2
    writer.begin()
    for child in listing.children(of: node) {
      let id = tree.inode(of: child)
      let kind = tree[id].kind
      if kind == .directory { links += 1 }
      try writer.add(
        name: tree.name(of: child), type: kind.type, number: numbers[id.index],
        inode: places[id.index])
    }
    // The kernel reads a root's parent too; squashfs-tools use the first free number.
    let parent =
      node == tree.root ? count + 1 : numbers[tree.inode(of: tree.parent(of: node)).index]
    guard let directory = try writer.end(parent: parent) else {
      throw ImageError.directoryTooLarge(path: tree.path(of: node))
    }
    return (directory, links)
  }

  private func body(of inode: Tree.Inode, _ node: Tree.NodeID) throws -> Inode.Body {
    switch inode.kind {
    case .directory: preconditionFailure("directories have a listing")
    case .regular(let content): .file(file(data.files[Int(content.number)]))
    case .symlink(let target): .symlink(target: Array(tree.target(target)))
    case .blockDevice(let number): .blockDevice(try encoded(number, node))
    case .characterDevice(let number): .characterDevice(try encoded(number, node))
    case .fifo: .fifo
    case .socket: .socket
    }
  }

  private func file(_ record: FileRecord) -> Inode.File {
    let start = data.files[Int(record.owner)].start
    let sparse = data.holeBytes(of: record)
    return Inode.File(
      blocksStart: start == FileRecord.unset ? 0 : placement.place(of: start), size: record.size,
      // The kernel computes size - sparse - 1.
      sparse: sparse == record.size && sparse > 0 ? sparse - 1 : sparse,
      fragment: record.fragment, fragmentOffset: record.fragmentOffset)
  }

  /// Appends the list that ends a file's inode.
  private mutating func appendBlocks(of file: FileRecord) throws {
    let stored = data.blocks.sizes(of: file)
    var done = 0
    for hole in data.blocks.holes(of: file) {
      try append(stored.dropFirst(done).prefix(Int(hole.after) - done))
      done = Int(hole.after)
      try inodes.append(zeros: Int(hole.count) * MemoryLayout<StoredBlock>.size)
    }
    try append(stored.dropFirst(done))
  }

  private mutating func append(_ blocks: ArraySlice<StoredBlock>) throws {
    record.removeAll()
    for block in blocks { record.append(block.rawValue) }
    try record.withBytes { try inodes.append($0) }
  }

  private func encoded(_ number: DeviceNumber, _ node: Tree.NodeID) throws(ImageError) -> UInt32 {
    guard let device = EncodedDevice.encode(major: number.major, minor: number.minor) else {
      throw .deviceTooLarge(path: tree.path(of: node))
    }
    return device
  }
}

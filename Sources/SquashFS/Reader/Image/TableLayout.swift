import SquashFSFormat

/// The ends of an image's tables: a table ends where the next one starts.
struct TableLayout {
  /// The end of the space for tables.
  let end: UInt64
  let inodes: Range<UInt64>
  let directories: Range<UInt64>

  /// - Throws: `ImageReadError` if a table starts outside the image.
  ///
  /// - Parameter salvages: whether to ignore tables that are not needed to find files.
  init(
    _ superblock: Superblock, _ input: ImageInput, salvages: Bool = false
  ) throws(ImageReadError) {
    let end = min(superblock.bytesUsed, input.length)
    self.end = end
    guard superblock.inodeCount > 0 else {
      throw .damaged(
        at: input.base, "no inodes yet: the program that made this image did not finish")
    }
    guard superblock.idCount > 0 || salvages else {
      throw .damaged(at: input.base, "an image without owners")
    }
    var boundaries = [end]
    func add(_ start: UInt64, _ name: String) throws(ImageReadError) {
      guard start >= UInt64(Superblock.byteCount), start < end else {
        throw .damaged(at: input.base, "the \(name) table starts outside the image")
      }
    }
    /// Adds a table whose blocks precede its list, to which the superblock points.
    func add(list: UInt64, skipping header: UInt64, _ name: String) throws(ImageReadError) {
      do throws(ImageReadError) { try add(list, name) } catch {
        if salvages { return }
        throw error
      }
      boundaries.append(list)
      let (position, overflow) = list.addingReportingOverflow(header)
      guard !overflow, position <= end, end - position >= 8 else { return }
      let first = try input.number(at: position, as: UInt64.self)
      if first >= UInt64(Superblock.byteCount), first < list { boundaries.append(first) }
    }
    try add(superblock.inodeTable, "inode")
    try add(superblock.directoryTable, "directory")
    guard superblock.inodeTable != superblock.directoryTable else {
      throw .damaged(
        at: input.base, "the inode table and the directory table start at the same place")
    }
    try add(list: superblock.idTable, skipping: 0, "id")
    if superblock.fragmentCount > 0 {
      try add(list: superblock.fragmentTable, skipping: 0, "fragment")
    }
    if superblock.fragmentCount == 0, superblock.fragmentTable < end {
      // If data follows the tables, the writer stores the end of the directory table here.
      boundaries.append(superblock.fragmentTable)
    }
    if superblock.exportTable != Superblock.noTable {
      try add(list: superblock.exportTable, skipping: 0, "export")
    }
    if superblock.xattrTable != Superblock.noTable {
      // The header begins with the position of the attributes themselves, the first of its blocks.
      try add(list: superblock.xattrTable, skipping: 0, "xattr")
    }
    // An empty image has no directory entries: the next table then starts at the same position.
    let (inodeStart, directoryStart) = (superblock.inodeTable, superblock.directoryTable)
    let others = boundaries
    func next(_ start: UInt64, _ other: UInt64) -> UInt64 {
      min(others.filter { $0 >= start }.min() ?? end, other > start ? other : end)
    }
    inodes = inodeStart..<next(inodeStart, directoryStart)
    directories = directoryStart..<next(directoryStart, inodeStart)
    // The smallest metadata block has three bytes, the smallest inode 20.
    let most = ((inodes.upperBound - inodes.lowerBound) / 3 + 1)
      .multipliedReportingOverflow(by: UInt64(MetadataBlock.byteCount) / 20 + 1)
    guard most.overflow || UInt64(superblock.inodeCount) <= most.partialValue else {
      throw .damaged(
        at: input.base,
        "\(superblock.inodeCount) inodes cannot fit into a table of "
          + "\(inodes.upperBound - inodes.lowerBound) bytes")
    }
    guard superblock.inodeCount <= EffortBudget.mostInodes else {
      throw ImageReadError(
        .unsupported, at: input.base,
        "\(superblock.inodeCount) inodes; this program reads up to \(EffortBudget.mostInodes)")
    }
  }
}

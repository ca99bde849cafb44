package import Posix
package import SquashFSFormat
package import TreeModel

/// Writes one image: first the contents of files in order of arrival, then everything else.
package final class ImageWriter {
  package struct Options: Sendable {
    package var compression = Compression(.xz)!
    package var blockSize = BlockSize.standard
    /// The number of threads for compression.
    package var threads = 1
    /// Whether to store blocks that look incompressible without trying.
    package var probes = true
    /// Whether the image has the table that NFS export needs.
    package var exportable = false
    package var layout = Layout.standard

    package init() {}
  }

  /// The place of the tables with names and inodes.
  package enum Layout: String, CaseIterable, Sendable {
    /// After the data, as in other tools.
    case standard
    /// Before the data: over a network the first read brings them along.
    case front
  }

  /// Where the image goes.
  package enum Output {
    /// A file that is empty; the caller publishes it after `finish`.
    case file(AtomicFile)
    /// Parts, which go out while the image is made. The image has the same bytes.
    ///
    /// - Parameters:
    ///   - scratch: a path in the folder for temporary files: of the files in an access order, of
    ///     large tables that come first, and of one large file that may be taken back.
    ///   - mayLoseFiles: whether the caller may abandon files and still finish the image.
    case parts(any ImagePartSink, scratch: HostPath, mayLoseFiles: Bool)
  }

  /// What was written.
  package struct Summary: Sendable {
    package var data: DataStatistics
    package var inodes: Int
    /// The size of the file, padding included, in bytes.
    package var imageBytes: UInt64
  }

  private let image: any ImageOutput
  private let options: Options
  private let data: BlockStore
  private let ranked: RankedContent
  /// The end of the header, and the start of the data as written.
  private let headerEnd: UInt64
  private let dataStart: UInt64
  private let hasCompressorOptions: Bool

  /// An image in a file.
  ///
  /// - Parameters:
  ///   - file: empty; the caller publishes it after `finish`.
  ///   - old: an image from which to take blocks over, made for the same options.
  package convenience init(_ file: AtomicFile, options: Options, old: OldImage? = nil) throws {
    try self.init(.file(file), options: options, old: old)
  }

  /// - Parameter old: an image from which to take blocks over, made for the same options. An image
  ///   in parts cannot have one: it would get other bytes.
  package init(_ output: Output, options: Options, old: OldImage? = nil) throws {
    self.options = options
    let scratch: HostPath
    switch output {
    case .file(let file):
      image = LocalImage(file)
      scratch = file.path
    case .parts(let sink, let folder, let mayLoseFiles):
      precondition(old == nil)
      image = StreamedImage(sink, scratch: folder, mayLoseFiles: mayLoseFiles)
      scratch = folder
    }
    image.skip(Superblock.byteCount)
    if let block = Self.compressorOptions(options, filters: []) {
      hasCompressorOptions = true
      image.skip(block.count)  // written at the end, when the filters are known
    } else {
      hasCompressorOptions = false
    }
    headerEnd = image.position
    if options.layout == .front {
      // Whole file system blocks can be moved without copying.
      image.skip(Int(Self.dataAlignment - headerEnd))
    }
    dataStart = image.position
    data = try BlockStore(
      image: image, blockSize: options.blockSize.byteCount, compression: options.compression,
      threads: options.threads, probes: options.probes, old: old?.blocks)
    ranked = RankedContent(DataWriter(data, old: old), path: scratch)
  }

  /// Receives the contents of files; each gets a `ContentID` for the tree to refer to.
  package var content: any ContentSink { ranked }

  /// Writes the tables and the superblock.
  ///
  /// - Parameters:
  ///   - tree: its regular files refer to contents passed to `content`.
  ///   - modified: the image's own time, in seconds since 1970.
  /// - Throws: `ImageError` for what the format cannot hold, `SystemError` if writing fails.
  package func finish(_ tree: Tree, modified: UInt32) throws -> Summary {
    let rankedStart = try ranked.finish()
    var placement = DataPlacement(
      written: dataStart..<image.position, rankedStart: rankedStart, start: dataStart)
    let packer = MetadataPacker(data.pool)
    let leading = try leadingTables(tree, &placement, packer)
    try image.place(placement)
    if options.layout == .front {
      try leading.buffer.write(to: image)
      try image.clear(leading.buffer.position..<placement.start)
    } else {
      try leading.buffer.append(to: image)
    }
    let superblock = try appendTrailingTables(tree, leading, packer, modified: modified)
    try writeMark(of: placement)
    if let block = Self.compressorOptions(options, filters: data.filters) {
      try block.withBytes { try image.write($0, at: UInt64(Superblock.byteCount)) }
    }
    var bytes = ByteWriter()
    bytes.append(superblock)
    try bytes.withBytes { try image.write($0, at: 0) }
    // Whole blocks, or the kernel cannot read the end through a loop device; 4 KiB suits all.
    try image.finish(paddingTo: 4096)
    return Summary(
      data: data.statistics, inodes: Int(leading.inodeCount),
      imageBytes: (image.position + 4095) / 4096 * 4096)
  }

  /// Notes where the data of the access order is, behind the image.
  private func writeMark(of placement: DataPlacement) throws {
    guard !placement.ranked.isEmpty, let place = OrderMark.place(behind: image.position) else {
      return
    }
    try image.append(zeros: Int(place - image.position))
    try OrderMark(data: placement.ranked).bytes.withUnsafeBytes { try image.append($0) }
  }

  /// The block after the superblock; `nil` if the compressor's options are the default.
  private static func compressorOptions(_ options: Options, filters: CodeFilters) -> ByteWriter? {
    var block = ByteWriter()
    block.append(UInt16(0))  // the header of a metadata block, filled in below
    let hasOptions = options.compression.appendOptions(
      to: &block, used: filters, options.blockSize)
    guard hasOptions else { return nil }
    block.replace(at: 0, with: UInt16(block.count - 2) | MetadataBlock.uncompressedBit)
    return block
  }

  /// Makes the tables; if they go before the data, makes room for them in `placement`.
  private func leadingTables(
    _ tree: Tree, _ placement: inout DataPlacement, _ packer: MetadataPacker
  ) throws -> LeadingTables {
    func make(base: UInt64) throws -> LeadingTables {
      try LeadingTables(
        tree, data, placement, base: base, isExportable: options.exportable, packer)
    }
    guard options.layout == .front else { return try make(base: placement.end) }
    // The tables contain the data's position, so their compressed size depends on the room left for
    // them. The room grows each time, so this terminates.
    while true {
      let tables = try make(base: headerEnd)
      if tables.buffer.position <= placement.start { return tables }
      placement.start =
        (tables.buffer.position + Self.dataAlignment - 1) / Self.dataAlignment
        * Self.dataAlignment
    }
  }

  /// Data after the tables begins at a multiple of this.
  private static let dataAlignment: UInt64 = 4096

  /// Appends the tables that come last in all layouts, and all lists.
  private func appendTrailingTables(
    _ tree: Tree, _ leading: LeadingTables, _ packer: MetadataPacker, modified: UInt32
  ) throws -> Superblock {
    var tables = TableBuffer(base: image.position)
    // Without fragments this gives the end of the directory table, which 7-Zip and some of our
    // readers want to know.
    let hasNoFragments = leading.fragmentList.isEmpty
    let fragmentTable =
      hasNoFragments && options.layout == .front ? leading.buffer.position : tables.position
    tables.append(list: leading.fragmentList)
    func append(_ rows: [some FixedWidthInteger & BitwiseCopyable]) throws -> UInt64 {
      let table = try LookupTable(packer) { table in
        var bytes = ByteWriter(capacity: rows.count * 8)
        for row in rows { bytes.append(row) }
        try bytes.withBytes { try table.append($0) }
      }
      return table.append(to: &tables)
    }
    let exportTable =
      try options.exportable
      ? append(leading.exportRows.map(\.rawValue)) : Superblock.noTable
    let idTable = try append(leading.ids)
    let xattrTable = try XattrTable.write(tree.xattrSets, to: &tables, packer)
    try tables.append(to: image)
    return Superblock(
      inodeCount: leading.inodeCount, modified: modified, blockSize: options.blockSize,
      fragmentCount: UInt32(data.fragments.count), compressor: options.compression.id,
      flags: flags(hasXattrs: xattrTable != Superblock.noTable), idCount: UInt16(leading.ids.count),
      rootInode: leading.root, bytesUsed: image.position, idTable: idTable, xattrTable: xattrTable,
      inodeTable: leading.inodeTable, directoryTable: leading.directoryTable,
      fragmentTable: fragmentTable, exportTable: exportTable)
  }

  private func flags(hasXattrs: Bool) -> Superblock.Flags {
    var flags: Superblock.Flags = [.duplicatesShared]
    if hasCompressorOptions { flags.insert(.compressorOptions) }
    if options.exportable { flags.insert(.exportable) }
    if !hasXattrs { flags.insert(.noXattrs) }
    if data.fragments.isEmpty { flags.insert(.noFragments) }
    if options.compression.method == .none {
      flags.formUnion([
        .inodesUncompressed, .dataUncompressed, .fragmentsUncompressed, .xattrsUncompressed,
        .idsUncompressed,
      ])
    }
    return flags
  }
}

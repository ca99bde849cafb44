public import Posix
public import SquashFSFormat
public import TreeModel

/// Writes one image: first the contents of files, as they come, then everything else.
public final class ImageWriter {
  public struct Options: Sendable {
    public var compression = Compression(.xz)!
    public var blockSize = BlockSize.standard
    /// The number of threads that compress.
    public var threads = 1
    /// Whether blocks that look incompressible are stored without trying.
    public var probes = true
    /// Whether the image has the table that NFS export needs.
    public var exportable = false

    public init() {}
  }

  /// What was written.
  public struct Summary: Sendable {
    public var data: DataStatistics
    public var inodes: Int
    /// The size of the file, padding included, in bytes.
    public var imageBytes: UInt64
  }

  private let image: ImageFile
  private let options: Options
  private let data: DataWriter
  private let ranked: RankedContent
  private let dataStart: UInt64

  /// - Parameter file: empty; the caller publishes it after `finish`.
  public init(_ file: AtomicFile, options: Options) throws {
    self.options = options
    image = ImageFile(file)
    image.skip(Superblock.byteCount)
    var payload = ByteWriter()
    payload.append(UInt16(0))  // the header of a metadata block, known below
    hasCompressorOptions = options.compression.appendOptions(to: &payload)
    if hasCompressorOptions {
      payload.replace(at: 0, with: UInt16(payload.count - 2) | MetadataBlock.storedBit)
      let image = image
      try payload.withBytes { try image.append($0) }
    }
    dataStart = image.position
    data = try DataWriter(
      image: image, blockSize: options.blockSize, compression: options.compression,
      threads: options.threads, probes: options.probes)
    ranked = RankedContent(data, path: file.path)
  }

  private let hasCompressorOptions: Bool

  /// Takes the contents of files; each gets a `ContentID` that the tree refers to.
  public var content: any ContentSink { ranked }

  /// What has happened so far.
  public var statistics: DataStatistics { data.statistics }

  /// Writes the tables and the superblock.
  ///
  /// - Parameters:
  ///   - tree: its regular files refer to contents that went into `content`.
  ///   - modified: the image's own time, in seconds since 1970.
  /// - Throws: `ImageError` for what the format cannot hold, `SystemError` when writing fails.
  public func finish(_ tree: Tree, modified: UInt32) throws -> Summary {
    let rankedStart = try ranked.finish()
    let placement = DataPlacement(
      written: dataStart..<image.position, ranked: rankedStart, start: dataStart)
    try placement.apply(to: image)
    let compression = options.compression
    let makeCompressor = { () throws(CodecError) -> any BlockCompressor in
      try compression.makeCompressor(largest: MetadataBlock.byteCount)
    }
    var writer = try TreeWriter(
      tree, data: data, placement: placement, makeCompressor: makeCompressor)
    let root = try writer.write()
    var tables = TableBuffer(base: image.position)
    let inodeTable = tables.position
    writer.inodes.table.withUnsafeBytes { tables.append($0) }
    let directoryTable = tables.position
    writer.directories.table.withUnsafeBytes { tables.append($0) }
    let codec = try makeCompressor()
    let fragmentTable = try writeFragments(placement, to: &tables, codec)
    let exportTable =
      try options.exportable
      ? writeRows(writer.exportRows.map(\.rawValue), to: &tables, codec) : Superblock.noTable
    let idTable = try writeRows(writer.ids.ids, to: &tables, codec)
    let xattrTable = try XattrTable.write(tree.xattrSets, to: &tables, codec: codec)
    try tables.bytes.withUnsafeBytes { try image.append($0) }

    var flags: Superblock.Flags = [.duplicatesShared]
    if hasCompressorOptions { flags.insert(.compressorOptions) }
    if options.exportable { flags.insert(.exportable) }
    if xattrTable == Superblock.noTable { flags.insert(.noXattrs) }
    if data.fragments.isEmpty { flags.insert(.noFragments) }
    if compression.method == .none {
      flags.formUnion([.inodesStored, .dataStored, .fragmentsStored, .xattrsStored, .idsStored])
    }
    var superblock = ByteWriter()
    superblock.append(
      Superblock(
        inodeCount: writer.count, modified: modified, blockSize: options.blockSize,
        fragmentCount: UInt32(data.fragments.count), compressor: compression.id, flags: flags,
        idCount: UInt16(writer.ids.ids.count), rootInode: root, bytesUsed: image.position,
        idTable: idTable, xattrTable: xattrTable, inodeTable: inodeTable,
        directoryTable: directoryTable, fragmentTable: fragmentTable, exportTable: exportTable))
    // Whole sectors, or the kernel cannot read the end through a loop device; 4 KiB suits all.
    try image.pad(to: 4096)
    try superblock.withBytes { try image.write($0, at: 0) }
    return Summary(
      data: data.statistics, inodes: Int(writer.count),
      imageBytes: (image.position + 4095) / 4096 * 4096)
  }

  private func writeFragments(
    _ placement: DataPlacement, to tables: inout TableBuffer, _ codec: any BlockCompressor
  ) throws -> UInt64 {
    guard !data.fragments.isEmpty else { return Superblock.noTable }
    return try LookupTable.write(to: &tables, codec: codec) { table in
      var row = ByteWriter()
      for fragment in data.fragments {
        row.removeAll()
        row.append(placement.place(of: fragment.start))
        row.append(fragment.stored.rawValue)
        row.append(UInt32(0))
        try row.withBytes { try table.append($0) }
      }
    }
  }

  private func writeRows(
    _ rows: [some FixedWidthInteger & BitwiseCopyable], to tables: inout TableBuffer,
    _ codec: any BlockCompressor
  ) throws -> UInt64 {
    try LookupTable.write(to: &tables, codec: codec) { table in
      var bytes = ByteWriter(capacity: rows.count * 8)
      for row in rows { bytes.append(row) }
      try bytes.withBytes { try table.append($0) }
    }
  }
}

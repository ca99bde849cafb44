import SquashFSFormat

/// The tables of an image, opened.
struct ImageTables {
  let inodes: MetadataTable
  let directories: MetadataTable
  /// The user and group ids: their table's rows, and its contents.
  let idTable: LookupTableReader
  let ids: [UInt32]
  let fragments: LookupTableReader?
  let exports: LookupTableReader?
  let xattrs: XattrTableReader?
  /// The names of tables that could not be read.
  let lost: [String]

  /// How many unpacked blocks the tables keep.
  struct Caches {
    // Hard links all over a tree make the access order random.
    var inodes = 1536
    var directories = 768
    var lookups = 512
    /// What several readers of the image keep together.
    var shared: MetadataCache?

    static let ofOneReader = Caches()

    /// Those of one of several readers, which keeps what it needs at the moment.
    static func ofOneOfMany(_ shared: MetadataCache) -> Caches {
      Caches(inodes: 16, directories: 16, lookups: 8, shared: shared)
    }
  }

  /// - Parameter salvages: whether to do without tables that are not needed to find files.
  init(
    _ superblock: Superblock, _ input: ImageInput, salvages: Bool, caching caches: Caches
  ) throws(ImageReadError) {
    let codec: any BlockDecompressor
    do { codec = try superblock.compressor.makeDecompressor() } catch {
      throw ImageReadError(.unsupported, "\(error)")
    }
    let layout = try TableLayout(superblock, input, salvages: salvages)
    inodes = MetadataTable(
      layout.inodes, "inode table", of: input, codec: codec, cacheLimit: caches.inodes,
      sharing: caches.shared)
    directories = MetadataTable(
      layout.directories, "directory table", of: input, codec: codec,
      cacheLimit: caches.directories, sharing: caches.shared)

    var opener = Opener(
      input: input, codec: codec, end: layout.end, salvages: salvages, caches: caches)
    let idCount = Int(superblock.idCount)
    let rows = try opener.table("id", at: superblock.idTable, rowSize: 4, count: idCount)
    if let rows {
      idTable = rows
    } else {
      idTable = try LookupTableReader(
        emptyAt: UInt64(Superblock.byteCount), of: input, codec: codec, name: "id")
    }
    ids = try opener.ids(idTable)
    if idCount == 0 { opener.lose("id") }
    fragments =
      superblock.fragmentCount == 0
      ? nil
      : try opener.table(
        "fragment", at: superblock.fragmentTable, rowSize: 16,
        count: Int(superblock.fragmentCount))
    exports =
      superblock.exportTable == Superblock.noTable
      ? nil
      : try opener.table(
        "export", at: superblock.exportTable, rowSize: 8, count: Int(superblock.inodeCount))
    xattrs =
      superblock.xattrTable == Superblock.noTable ? nil : try opener.xattrs(superblock.xattrTable)
    lost = opener.lost
  }

  /// Opens tables and collects the lost ones.
  private struct Opener {
    let input: ImageInput
    let codec: any BlockDecompressor
    /// The end of the space for tables.
    let end: UInt64
    let salvages: Bool
    let caches: Caches
    private(set) var lost: [String] = []

    init(
      input: ImageInput, codec: any BlockDecompressor, end: UInt64, salvages: Bool, caches: Caches
    ) {
      self.caches = caches
      self.input = input
      self.codec = codec
      self.end = end
      self.salvages = salvages
    }

    mutating func lose(_ name: String) {
      if !lost.contains(name) { lost.append(name) }
    }

    /// Decides about an error: returns `nil` instead of the table, or throws.
    private mutating func lose<R>(
      _ name: String, _ error: ImageReadError
    ) throws(ImageReadError) -> R? {
      guard salvages else { throw error }
      lose(name)
      return nil
    }

    mutating func table(
      _ name: String, at list: UInt64, rowSize: Int, count: Int
    ) throws(ImageReadError) -> LookupTableReader? {
      do throws(ImageReadError) {
        return try LookupTableReader(
          list: list, rowSize: rowSize, count: count, end: end, of: input, codec: codec,
          name: name, cacheLimit: caches.lookups, sharing: caches.shared)
      } catch { return try lose(name, error) }
    }

    mutating func xattrs(_ start: UInt64) throws(ImageReadError) -> XattrTableReader? {
      do throws(ImageReadError) {
        return try XattrTableReader(start, end: end, of: input, codec: codec, caching: caches)
      } catch { return try lose("xattr", error) }
    }

    mutating func ids(_ rows: LookupTableReader) throws(ImageReadError) -> [UInt32] {
      do throws(ImageReadError) {
        var ids: [UInt32] = []
        for index in 0..<rows.count {
          let id: UInt32 = try rows.row(index) { $0.little(0) }
          ids.append(id)
        }
        return ids
      } catch {
        let none: [UInt32]? = try lose("id", error)
        return none ?? []
      }
    }
  }
}

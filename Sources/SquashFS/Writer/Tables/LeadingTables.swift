import SquashFSFormat
import TreeModel

/// The tables that lookups read: inodes, directories, and the blocks of the fragment table. They
/// follow each other, before or after the data.
///
/// The fragment table's list is not among them: unsquashfs requires it to end where the next table
/// starts, and the kernel wants the id table within reach of the image's end.
struct LeadingTables {
  let root: MetadataReference
  let inodeCount: UInt32
  let inodeTable: UInt64
  let directoryTable: UInt64
  /// The positions of the fragment table's blocks.
  let fragmentList: [UInt64]
  /// The owners of inodes, for the id table.
  let ids: [UInt32]
  /// The places of the inodes, for the export table; empty if there is none.
  let exportRows: [MetadataReference]
  let buffer: TableBuffer

  /// - Parameters:
  ///   - placement: the future place of the data.
  ///   - base: the future place of the first table.
  ///   - isExportable: whether the image gets an export table.
  init(
    _ tree: Tree, _ data: BlockStore, _ placement: DataPlacement, base: UInt64,
    isExportable: Bool, _ packer: MetadataPacker
  ) throws {
    var writer = TreeWriter(tree, data: data, placement: placement, packer)
    root = try writer.write()
    inodeCount = writer.count
    ids = writer.ids.ids
    exportRows = isExportable ? writer.exportRows : []
    var buffer = TableBuffer(base: base)
    inodeTable = buffer.position
    buffer.append(writer.inodes.table)
    directoryTable = buffer.position
    buffer.append(writer.directories.table)
    let fragments = try LookupTable(packer) { table in
      var row = ByteWriter()
      for fragment in data.fragments {
        row.removeAll()
        row.append(placement.place(of: fragment.start))
        row.append(fragment.stored.rawValue)
        row.append(UInt32(0))
        try row.withBytes { try table.append($0) }
      }
    }
    fragmentList = fragments.appendBlocks(to: &buffer)
    self.buffer = buffer
  }
}

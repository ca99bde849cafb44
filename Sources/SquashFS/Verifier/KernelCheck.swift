import Posix
import SquashFSFormat

/// Checks compressed blocks the way the kernel's decompressors see them: they accept less than the
/// libraries do.
enum KernelCheck {
  /// Checks every metadata block from now on.
  static func watchMetadata(of image: Image, _ list: FindingList) {
    let check = BlockWatch(image)
    let base = image.input.base
    image.idTable.blocks.forget()  // was read when the image was opened
    for (table, kind) in tables(of: image) {
      table.inspect = { payload, offset, unpacked in
        if unpacked.consumed < payload.count {
          list.add(
            Finding(
              .warning, .layout, offset: offset,
              "\((payload.count - unpacked.consumed).counted("byte")) too many in a metadata block")
          )
        }
        let block = BlockWatch.Block(
          bytes: UnsafeRawBufferPointer(rebasing: payload[..<unpacked.consumed]),
          unpackedSize: unpacked.count, room: MetadataBlock.byteCount,
          start: offset &- base &+ 2)
        if let problem = check.problem(with: block) {
          list.add(problem, kind, of: "a block of the \(table.name)", offset: offset)
        }
      }
    }
  }

  /// Stops checking: blocks read again have been checked.
  static func endWatch(of image: Image) {
    for (table, _) in tables(of: image) { table.inspect = nil }
  }

  private static func tables(of image: Image) -> [(MetadataTable, Finding.Kind)] {
    let tables: [(MetadataTable?, Finding.Kind)] = [
      (image.inodes, .inode), (image.directories, .directory), (image.idTable.blocks, .idTable),
      (image.fragmentTable?.blocks, .fragmentTable), (image.exportTable?.blocks, .exportTable),
      (image.xattrs?.pairs, .xattrTable), (image.xattrs?.rows.blocks, .xattrTable),
    ]
    return tables.compactMap { table, kind in table.map { ($0, kind) } }
  }
}

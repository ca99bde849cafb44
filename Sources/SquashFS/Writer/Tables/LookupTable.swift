import SquashFSFormat

/// A table of fixed-size rows to be written to an image: metadata blocks, and the list of their
/// positions, to which the superblock points.
///
/// Layout: SquashFS Binary Format, section "Storing Lookup Tables".
struct LookupTable {
  private let blocks: [UInt8]
  private let blockStarts: [UInt64]

  /// - Parameter fill: appends the rows.
  init(_ packer: MetadataPacker, fill: (MetadataWriter) throws -> Void) throws {
    let rows = MetadataWriter(packer, shape: .words)
    try fill(rows)
    try rows.finish()
    blocks = rows.table
    blockStarts = rows.blockStarts
  }

  /// Appends the blocks.
  ///
  /// - Returns: the list of their positions.
  func appendBlocks(to tables: inout TableBuffer) -> [UInt64] {
    let base = tables.position
    tables.append(blocks)
    return blockStarts.map { base + $0 }
  }

  /// Appends the blocks and then the list.
  ///
  /// - Parameter prefix: bytes right before the list; the xattr table has some.
  /// - Returns: the position of `prefix` and the list, which is what the superblock holds.
  func append(to tables: inout TableBuffer, prefix: [UInt8]? = nil) -> UInt64 {
    let list = appendBlocks(to: &tables)
    let start = tables.position
    if let prefix { tables.append(prefix) }
    tables.append(list: list)
    return start
  }
}

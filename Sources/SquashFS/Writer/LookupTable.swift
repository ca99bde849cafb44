internal import SquashFSFormat

/// Writes a table of fixed-size rows: metadata blocks, then the list of their positions.
///
/// Layout: SquashFS Binary Format, section "Storing Lookup Tables".
enum LookupTable {
  /// - Parameters:
  ///   - prefix: what stands right before the list of positions; the xattr table has something.
  ///   - fill: appends the rows.
  /// - Returns: the position of `prefix` and the list, which is what the superblock holds.
  static func write(
    to tables: inout TableBuffer, codec: any BlockCompressor, prefix: UnsafeRawBufferPointer? = nil,
    fill: (MetadataWriter) throws -> Void
  ) throws -> UInt64 {
    let rows = MetadataWriter(codec: codec, shape: .words)
    try fill(rows)
    try rows.finish()
    let base = tables.position
    rows.table.withUnsafeBytes { tables.append($0) }
    let start = tables.position
    if let prefix { tables.append(prefix) }
    var list = ByteWriter(capacity: rows.blockStarts.count * 8)
    for blockStart in rows.blockStarts { list.append(base + blockStart) }
    list.withBytes { tables.append($0) }
    return start
  }
}

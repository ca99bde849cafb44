import SquashFSFormat
import TreeModel

/// Writes the sets of extended attributes: keys and values, then a table with one row per set.
///
/// Layout: SquashFS Binary Format, section "Extended Attribute Table". A value longer than eight
/// bytes is stored once; further occurrences refer to it.
enum XattrTable {
  /// - Returns: the table's position, or `Superblock.noTable` if there are no sets.
  static func write(
    _ sets: [[ExtendedAttribute]], to tables: inout TableBuffer, codec: any BlockCompressor
  ) throws -> UInt64 {
    guard !sets.isEmpty else { return Superblock.noTable }
    let pairs = MetadataWriter(codec: codec, shape: .unknown)
    var places: [[UInt8]: MetadataReference] = [:]
    var rows = ByteWriter(capacity: sets.count * 16)
    var record = ByteWriter()
    for set in sets {
      let start = pairs.position
      var size = 0
      for attribute in set {
        guard let prefix = XattrPrefix(of: attribute.name) else {
          throw ImageError.unsupportedXattr(name: attribute.name)
        }
        let name = attribute.name.dropFirst(prefix.text.utf8.count)
        let place = places[attribute.value]
        record.removeAll()
        record.append(prefix.rawValue | (place == nil ? 0 : XattrPrefix.outOfLineBit))
        record.append(UInt16(name.count))
        record.append(name)
        size += record.count
        try record.withBytes { try pairs.append($0) }
        record.removeAll()
        if let place {
          record.append(UInt32(8))
          record.append(place.rawValue)
        } else {
          if attribute.value.count > 8 { places[attribute.value] = pairs.position }
          record.append(UInt32(attribute.value.count))
          record.append(attribute.value)
        }
        size += record.count
        try record.withBytes { try pairs.append($0) }
      }
      rows.append(start.rawValue)
      rows.append(UInt32(set.count))
      rows.append(UInt32(size))
    }
    try pairs.finish()
    var header = ByteWriter()
    header.append(tables.position)
    header.append(UInt32(sets.count))
    header.append(UInt32(0))
    pairs.table.withUnsafeBytes { tables.append($0) }
    let table = try LookupTable(codec: codec) { table in
      try rows.withBytes { try table.append($0) }
    }
    return header.withBytes { table.append(to: &tables, prefix: $0) }
  }
}

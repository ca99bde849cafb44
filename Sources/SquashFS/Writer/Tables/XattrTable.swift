import SquashFSFormat
import TreeModel

/// Writes the sets of extended attributes: keys and values, then a table with one row per set.
///
/// Layout: SquashFS Binary Format, section "Extended Attribute Table". A value longer than eight
/// bytes is stored once; further occurrences refer to it.
enum XattrTable {
  /// - Returns: the table's position, or `Superblock.noTable` if there are no sets.
  static func write(
    _ sets: [[ExtendedAttribute]], to tables: inout TableBuffer, _ packer: MetadataPacker
  ) throws -> UInt64 {
    guard !sets.isEmpty else { return Superblock.noTable }
    let pairs = MetadataWriter(packer, shape: .metadata)
    pairs.target = pairs
    var places: [[UInt8]: MetadataPlace] = [:]
    var starts: [(place: MetadataPlace, size: Int)] = []
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
          let link = MetadataLink(offset: record.count + 2, block: place.block)
          record.append(UInt64(place.offset))  // and the block's start above it
          try record.withBytes { try pairs.append($0, links: CollectionOfOne(link)) }
        } else {
          if attribute.value.count > 8 { places[attribute.value] = pairs.position }
          record.append(UInt32(attribute.value.count))
          record.append(attribute.value)
          try record.withBytes { try pairs.append($0) }
        }
        size += record.count
      }
      starts.append((start, size))
    }
    try pairs.finish()
    var header = ByteWriter()
    header.append(tables.position)
    header.append(UInt32(sets.count))
    header.append(UInt32(0))
    tables.append(pairs.table)
    let table = try LookupTable(packer) { table in
      for (set, start) in zip(sets, starts) {
        record.removeAll()
        record.append(pairs.reference(to: start.place).rawValue)
        record.append(UInt32(set.count))
        record.append(UInt32(start.size))
        try record.withBytes { try table.append($0) }
      }
    }
    return table.append(to: &tables, prefix: header.withBytes { Array($0) })
  }
}

import SquashFSFormat

/// A place in a table of metadata blocks whose packed sizes may not be known yet: the number of a
/// block, and an offset into the unpacked block.
struct MetadataPlace: Hashable {
  var block: UInt32
  var offset: UInt16

  /// The same place with the block's number in place of its start, for a record to be appended with
  /// a `MetadataLink`.
  var unresolved: MetadataReference {
    MetadataReference(blockStart: UInt64(block), offset: Int(offset))
  }
}

/// A place in a record, of four bytes, for the start of a metadata block.
struct MetadataLink {
  /// In bytes from the start of the record.
  var offset: Int
  /// The number of the block.
  var block: UInt32
}

package import SquashFSFormat

/// An inode of an image.
package struct ImageInode: Sendable {
  package let record: InodeRecord
  /// The place of the inode in the inode table; identifies it.
  package let reference: MetadataReference
  /// Where the part of variable size is.
  let tail: MetadataReference
}

/// The place of a data or fragment block in an image.
package struct BlockPlace: Hashable, Sendable {
  /// Counted from the image's start.
  package var start: UInt64
  package var stored: StoredBlock

  package init(start: UInt64, stored: StoredBlock) {
    self.start = start
    self.stored = stored
  }
}

extension MetadataCursor {
  /// The inode at the cursor, which then moves past the fixed part.
  mutating func inode() throws(ImageReadError) -> ImageInode {
    let reference = reference
    let type = try peek()
    guard let size = InodeRecord.byteCount(storedType: type),
      let record = try record(size, { InodeRecord(parsing: $0) })
    else {
      throw .damaged(
        at: table.fileOffset(reference.blockStart), "an inode of unknown type \(type)")
    }
    return ImageInode(record: record, reference: reference, tail: self.reference)
  }
}

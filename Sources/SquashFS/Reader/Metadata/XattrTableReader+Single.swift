import SquashFSFormat

/// Attributes one by one, for a caller that keeps none of them: nothing adds up, so that no budget
/// is needed.
extension XattrTableReader {
  /// The names in a set.
  func names(_ index: UInt32) throws(ImageReadError) -> [[UInt8]] {
    var names: [[UInt8]] = []
    _ = try search(index) { name in
      names.append(name)
      return false
    }
    return names
  }

  /// The value of an attribute in a set; `nil` if the set has no such name.
  func value(named wanted: [UInt8], _ index: UInt32) throws(ImageReadError) -> [UInt8]? {
    guard var found = try search(index, where: { $0 == wanted }) else { return nil }
    guard found.isElsewhere else { return try value(next: &found.cursor) }
    var there = try MetadataCursor(pairs, at: try placeOfValue(&found.cursor))
    return try value(next: &there)
  }

  /// The row of a set.
  func checkedRow(_ index: UInt32) throws(ImageReadError) -> Row {
    guard Int(index) < rows.count else {
      throw .damaged(
        at: pairs.fileOffset(0), "set \(index) of extended attributes is not in the table")
    }
    return try row(Int(index))
  }

  /// The place of the value whose name `isWanted`.
  private func search(
    _ index: UInt32, where isWanted: ([UInt8]) -> Bool
  ) throws(ImageReadError) -> (cursor: MetadataCursor, isElsewhere: Bool)? {
    let row = try checkedRow(index)
    guard row.count <= Self.mostAttributes else {
      throw .damaged(
        at: pairs.fileOffset(row.reference.blockStart),
        "a file with \(row.count) extended attributes")
    }
    var cursor = try MetadataCursor(pairs, at: row.reference)
    for _ in 0..<row.count {
      let (name, isElsewhere, _) = try key(next: &cursor)
      if isWanted(name) { return (cursor, isElsewhere) }
      let size = try cursor.record(4) { $0.little(0, as: UInt32.self) }
      try check(size, cursor)
      try cursor.skip(UInt64(size))
    }
    return nil
  }
}

extension Image {
  /// Whether the image has a table of extended attributes.
  package var hasXattrs: Bool { xattrs != nil }

  /// The names of an inode's extended attributes.
  package func xattrNames(of inode: ImageInode) throws(ImageReadError) -> [[UInt8]] {
    guard let (xattrs, index) = try xattrSet(of: inode) else { return [] }
    return try xattrs.names(index)
  }

  /// The value of an inode's extended attribute; `nil` if it has none of that name.
  package func xattr(
    named name: [UInt8], of inode: ImageInode
  ) throws(ImageReadError) -> [UInt8]? {
    guard let (xattrs, index) = try xattrSet(of: inode) else { return nil }
    return try xattrs.value(named: name, index)
  }

  /// The size of an inode's extended attributes in bytes, as their row says; `nil` if it has none.
  package func xattrSize(of inode: ImageInode) throws(ImageReadError) -> UInt32? {
    guard let (xattrs, index) = try xattrSet(of: inode) else { return nil }
    return try xattrs.checkedRow(index).size
  }

  private func xattrSet(
    of inode: ImageInode
  ) throws(ImageReadError) -> (XattrTableReader, UInt32)? {
    let index = try xattrIndex(of: inode)
    guard index != Inode.noXattrs else { return nil }
    guard let xattrs else {
      throw .damaged(
        at: fileOffset(of: inode), "extended attributes in an image without a table of them")
    }
    return (xattrs, index)
  }
}

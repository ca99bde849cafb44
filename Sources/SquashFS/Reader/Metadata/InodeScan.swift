import SquashFSFormat

/// Reads the inode table from start to end, each inode once.
struct InodeScan {
  private let image: Image
  private var cursor: MetadataCursor?

  init(_ image: Image) throws(ImageReadError) {
    self.image = image
    cursor = try MetadataCursor(image.inodes, at: MetadataReference(rawValue: 0))
  }

  /// The next inode; `nil` at the table's end.
  ///
  /// - Throws: `ImageReadError` if the table is damaged; the rest cannot be found.
  mutating func next() throws(ImageReadError) -> ImageInode? {
    guard var position = cursor, !position.isAtEnd else { return nil }
    cursor = nil
    let inode = try position.inode()
    switch inode.record.body {
    case .file(let file):
      let (size, overflow) = file.blockCount(image.superblock.blockSize)
        .multipliedReportingOverflow(by: 4)
      guard !overflow else {
        throw .damaged(at: position.fileOffset, "a file of \(file.size) bytes")
      }
      try position.skip(size)
    case .symlink(let size):
      try position.skip(UInt64(size) + (inode.record.isExtended ? 4 : 0))
    case .directory(let directory):
      for _ in 0..<directory.indexCount { _ = try image.indexEntry(next: &position) }
    case .device, .ipc: break
    }
    cursor = position
    return inode
  }
}

import SquashFSFormat

/// Keeps inodes from sharing their lists of blocks and targets of links, which otherwise could be
/// read any number of times: together they must not be larger than the inode table.
struct InodeBudget {
  private let image: Image
  private var taken: UInt64 = 0
  /// The files with several names counted so far.
  private var linked: ReferenceSet

  init(_ image: Image) {
    self.image = image
    linked = ReferenceSet(count: image.superblock.inodeCount)
  }

  /// Counts an inode's own data, once for all its names.
  ///
  /// - Returns: whether the budget allows it.
  mutating func take(_ inode: ImageInode) -> Bool {
    let bytes: UInt64
    switch inode.record.body {
    case .file(let file):
      let size = file.blockCount(image.superblock.blockSize).multipliedReportingOverflow(by: 4)
      bytes = size.overflow ? .max >> 1 : size.partialValue
    case .symlink(let size): bytes = UInt64(size)
    case .directory, .device, .ipc: return true
    }
    if inode.record.links > 1, !linked.insert(inode.reference) { return true }
    taken = taken.addingReportingOverflow(bytes).partialValue
    return taken < .max >> 1 && image.canHave(inodeBytes: taken)
  }
}

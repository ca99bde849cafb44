import TreeModel

extension Inode {
  /// Calls `body` for each start of a directory block in the encoded inode, with its offset in
  /// bytes: those of a directory's listing and of the entries of its index.
  public func forEachBlockStart(_ body: (_ offset: Int, _ blockStart: UInt32) -> Void) {
    guard case .directory(let directory) = self.body else { return }
    body(isExtended ? 24 : 16, UInt32(directory.listing.blockStart))
    var offset = 40
    for entry in directory.index {
      body(offset + 4, entry.blockStart)
      offset += 12 + entry.name.count
    }
  }
}

extension ByteWriter {
  /// Appends the inode in its basic form, or in the extended one if necessary; for a file, all but
  /// the list of its blocks.
  public mutating func append(_ inode: Inode) {
    let isExtended = inode.isExtended
    append(inode.type.rawValue + (isExtended ? 7 : 0))
    append(inode.permissions)
    append(inode.uidIndex)
    append(inode.gidIndex)
    append(inode.modified)
    append(inode.number)
    switch inode.body {
    case .directory(let directory):
      append(directory, of: inode, isExtended: isExtended)
    case .file(let file):
      append(file, of: inode, isExtended: isExtended)
    case .symlink(let target):
      append(inode.links)
      append(UInt32(target.count))
      append(target)
      if isExtended { append(inode.xattrIndex) }
    case .blockDevice(let device), .characterDevice(let device):
      append(inode.links)
      append(device)
      if isExtended { append(inode.xattrIndex) }
    case .fifo, .socket:
      append(inode.links)
      if isExtended { append(inode.xattrIndex) }
    }
  }

  private mutating func append(_ directory: Inode.Directory, of inode: Inode, isExtended: Bool) {
    // The kernel counts ".", ".." and an end marker: the stored size is 3 larger.
    let size = directory.listingSize + 3
    if isExtended {
      append(inode.links)
      append(UInt32(size))
      append(UInt32(directory.listing.blockStart))
      append(directory.parent)
      append(UInt16(directory.index.count))
      append(UInt16(directory.listing.offset))
      append(inode.xattrIndex)
      for entry in directory.index {
        append(entry.offset)
        append(entry.blockStart)
        append(UInt32(entry.name.count - 1))
        append(entry.name)
      }
    } else {
      append(UInt32(directory.listing.blockStart))
      append(inode.links)
      append(UInt16(size))
      append(UInt16(directory.listing.offset))
      append(directory.parent)
    }
  }

  private mutating func append(_ file: Inode.File, of inode: Inode, isExtended: Bool) {
    if isExtended {
      append(file.blocksStart)
      append(file.size)
      append(file.sparse)
      append(inode.links)
      append(file.fragment)
      append(file.fragmentOffset)
      append(inode.xattrIndex)
    } else {
      append(UInt32(file.blocksStart))
      append(file.fragment)
      append(file.fragmentOffset)
      append(UInt32(file.size))
    }
  }
}

extension ByteWriter {
  /// Appends the superblock's 96 bytes.
  public mutating func append(_ superblock: Superblock) {
    append(Superblock.magic)
    append(superblock.inodeCount)
    append(superblock.modified)
    append(UInt32(superblock.blockSize.byteCount))
    append(superblock.fragmentCount)
    append(superblock.compressor.rawValue)
    append(superblock.blockSize.log)
    append(superblock.flags.rawValue)
    append(superblock.idCount)
    append(UInt16(4))  // version 4.0
    append(UInt16(0))
    append(superblock.rootInode.rawValue)
    append(superblock.bytesUsed)
    append(superblock.idTable)
    append(superblock.xattrTable)
    append(superblock.inodeTable)
    append(superblock.directoryTable)
    append(superblock.fragmentTable)
    append(superblock.exportTable)
  }
}

extension Superblock {
  /// Why 96 bytes are not the superblock of an image that this program reads.
  public enum Problem: Error, Equatable {
    /// Nothing but zeros: writers write the superblock last.
    case empty
    /// Complete but for the magic number, which mksquashfs removes while it appends to an image.
    case unfinished
    /// Another magic number.
    case notSquashFS
    /// An image that Linux cannot read.
    case foreign(ForeignFormat)
    case version(major: UInt16, minor: UInt16)
    /// Not a power of two from 4 KiB to 1 MiB, or in conflict with its logarithm.
    case blockSize(UInt32, log: UInt16)
    case compressor(UInt16)
  }

  /// Decodes a superblock.
  ///
  /// Checks only what the type cannot express, not whether the fields make sense.
  ///
  /// - Parameter bytes: at least `byteCount` bytes.
  public init(parsing bytes: RawSpan) throws(Problem) {
    precondition(bytes.byteCount >= Self.byteCount)
    let magic: UInt32 = bytes.little(0)
    if let format = ForeignFormat(parsing: bytes) { throw .foreign(format) }
    guard magic == Self.magic else {
      guard magic == 0 else { throw .notSquashFS }
      if (0..<Self.byteCount).allSatisfy({ bytes[$0] == 0 }) { throw .empty }
      let isLike = bytes.little(28, as: UInt16.self) == 4 && bytes.little(30, as: UInt16.self) == 0
      let size = BlockSize(byteCount: Int(bytes.little(12, as: UInt32.self)))
      throw isLike && size?.log == bytes.little(22) ? .unfinished : .notSquashFS
    }
    let (major, minor): (UInt16, UInt16) = (bytes.little(28), bytes.little(30))
    guard major == 4, minor == 0 else { throw .version(major: major, minor: minor) }
    let (size, log): (UInt32, UInt16) = (bytes.little(12), bytes.little(22))
    guard let blockSize = BlockSize(byteCount: Int(size)), blockSize.log == log else {
      throw .blockSize(size, log: log)
    }
    let compressor: UInt16 = bytes.little(20)
    guard let compressor = CompressorID(rawValue: compressor) else {
      throw .compressor(compressor)
    }
    self.init(
      inodeCount: bytes.little(4), modified: bytes.little(8), blockSize: blockSize,
      fragmentCount: bytes.little(16), compressor: compressor,
      flags: Flags(rawValue: bytes.little(24)), idCount: bytes.little(26),
      rootInode: MetadataReference(rawValue: bytes.little(32)), bytesUsed: bytes.little(40),
      idTable: bytes.little(48), xattrTable: bytes.little(56), inodeTable: bytes.little(64),
      directoryTable: bytes.little(72), fragmentTable: bytes.little(80),
      exportTable: bytes.little(88))
  }
}

extension Superblock.Flags {
  /// All flags that squashfs-tools write; 0x0004 was used before version 4.
  public static let known: Superblock.Flags = [
    .inodesUncompressed, .dataUncompressed, .check, .fragmentsUncompressed, .noFragments,
    .alwaysFragments,
    .duplicatesShared, .exportable, .xattrsUncompressed, .noXattrs, .compressorOptions,
    .idsUncompressed,
  ]
}

/// The 96 bytes at the start of an image: what it is and where its tables lie.
///
/// Layout: SquashFS Binary Format, https://dr-emann.github.io/squashfs/, section "The Superblock".
public struct Superblock: Equatable, Sendable {
  /// The size on disk in bytes.
  public static let byteCount = 96
  /// `hsqs`, read as a little-endian number.
  public static let magic: UInt32 = 0x7371_7368
  /// The kernel reads whole blocks of this many bytes from a device (fs/squashfs,
  /// SQUASHFS_DEVBLK_SIZE): it cannot read a partial block at the end of a file.
  public static let deviceBlock: UInt64 = 1024
  /// Stands for a table that the image does not have.
  public static let noTable = UInt64.max

  public var inodeCount: UInt32
  /// Seconds since 1970.
  public var modified: UInt32
  public var blockSize: BlockSize
  public var fragmentCount: UInt32
  public var compressor: CompressorID
  public var flags: Flags
  public var idCount: UInt16
  public var rootInode: MetadataReference
  /// The size of the image without its padding.
  public var bytesUsed: UInt64
  public var idTable: UInt64
  public var xattrTable: UInt64
  public var inodeTable: UInt64
  public var directoryTable: UInt64
  public var fragmentTable: UInt64
  public var exportTable: UInt64

  public init(
    inodeCount: UInt32, modified: UInt32, blockSize: BlockSize, fragmentCount: UInt32,
    compressor: CompressorID, flags: Flags, idCount: UInt16, rootInode: MetadataReference,
    bytesUsed: UInt64, idTable: UInt64, xattrTable: UInt64, inodeTable: UInt64,
    directoryTable: UInt64, fragmentTable: UInt64, exportTable: UInt64
  ) {
    self.inodeCount = inodeCount
    self.modified = modified
    self.blockSize = blockSize
    self.fragmentCount = fragmentCount
    self.compressor = compressor
    self.flags = flags
    self.idCount = idCount
    self.rootInode = rootInode
    self.bytesUsed = bytesUsed
    self.idTable = idTable
    self.xattrTable = xattrTable
    self.inodeTable = inodeTable
    self.directoryTable = directoryTable
    self.fragmentTable = fragmentTable
    self.exportTable = exportTable
  }

  /// Notes by the writer; the kernel looks only at `compressorOptions`.
  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let inodesUncompressed = Flags(rawValue: 0x0001)
    public static let dataUncompressed = Flags(rawValue: 0x0002)
    /// Used by formats before 4.0, which had checksums.
    public static let check = Flags(rawValue: 0x0004)
    public static let fragmentsUncompressed = Flags(rawValue: 0x0008)
    public static let noFragments = Flags(rawValue: 0x0010)
    public static let alwaysFragments = Flags(rawValue: 0x0020)
    public static let duplicatesShared = Flags(rawValue: 0x0040)
    public static let exportable = Flags(rawValue: 0x0080)
    public static let xattrsUncompressed = Flags(rawValue: 0x0100)
    public static let noXattrs = Flags(rawValue: 0x0200)
    /// A metadata block with the compressor's options follows the superblock.
    public static let compressorOptions = Flags(rawValue: 0x0400)
    public static let idsUncompressed = Flags(rawValue: 0x0800)
  }
}

/// The compressor of an image, as the superblock numbers it.
public enum CompressorID: UInt16, Sendable, CaseIterable {
  case gzip = 1
  case lzma = 2
  case lzo = 3
  case xz = 4
  case lz4 = 5
  case zstd = 6
}

/// The size of a full data block: a power of two from 4 KiB to 1 MiB.
public struct BlockSize: Hashable, Sendable {
  /// The base-two logarithm, 12 to 20.
  public let log: UInt16

  /// - Returns: `nil` unless `byteCount` is a power of two from 4,096 to 1,048,576.
  public init?(byteCount: Int) {
    guard (4096...1_048_576).contains(byteCount), byteCount.nonzeroBitCount == 1 else { return nil }
    log = UInt16(byteCount.trailingZeroBitCount)
  }

  /// The size in bytes.
  public var byteCount: Int { 1 << Int(log) }

  /// 128 KiB, the best size for random access over a slow store.
  public static let standard = BlockSize(byteCount: 128 << 10)!
}

/// A place in a table of metadata blocks: a block's start, relative to the table, and an offset
/// into the unpacked block.
public struct MetadataReference: Hashable, Sendable {
  /// The reference as stored: the start in the upper 48 bits, the offset in the lower 16.
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }
  public init(blockStart: UInt64, offset: Int) { rawValue = blockStart << 16 | UInt64(offset) }

  /// The start of the block's header in bytes from the start of its table.
  public var blockStart: UInt64 { rawValue >> 16 }
  /// The offset in the unpacked block, in bytes.
  public var offset: Int { Int(rawValue & 0xffff) }
}

/// Sizes of metadata blocks.
public enum MetadataBlock {
  /// The unpacked size of every block but a table's last.
  public static let byteCount = 8192
  /// Set in a block's 16-bit header if the block is stored uncompressed.
  public static let uncompressedBit: UInt16 = 0x8000
}

/// The stored size of a data or fragment block, with the bit for "uncompressed".
public struct StoredBlock: Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// - Parameter byteCount: the size on disk, at most 1 MiB.
  public init(byteCount: Int, isCompressed: Bool) {
    rawValue = UInt32(byteCount) | (isCompressed ? 0 : Self.uncompressedBit)
  }

  private static let uncompressedBit: UInt32 = 1 << 24

  /// A block of nothing but zero bytes, which takes no room.
  public static let hole = StoredBlock(rawValue: 0)

  /// Bits without a meaning.
  public static let unusedBits: UInt32 = ~((1 << 25) - 1)

  /// The size on disk in bytes.
  public var byteCount: Int { Int(rawValue & (Self.uncompressedBit - 1)) }
  public var isCompressed: Bool { rawValue & Self.uncompressedBit == 0 }
}

public import TreeModel

/// The fixed-size part of an inode: all but a file's list of blocks, a symlink's target and a
/// directory's index, whose sizes it gives.
///
/// Layout: SquashFS Binary Format, section "Inode Table". Nothing in it can be trusted.
public struct InodeRecord: Equatable, Sendable {
  public var type: FileType
  public var isExtended: Bool
  /// The twelve permission bits.
  public var permissions: UInt16
  /// The bits above them: 0, or the type bits of stat(2).
  public var typeBits: UInt16
  public var uidIndex: UInt16
  public var gidIndex: UInt16
  /// Seconds since 1970.
  public var modified: UInt32
  public var number: UInt32
  /// 1 for basic files, which do not store it.
  public var links: UInt32
  /// `Inode.noXattrs` if it has none. In an extended symlink it comes after the target.
  public var xattrIndex: UInt32
  public var body: Body

  public enum Body: Equatable, Sendable {
    case directory(Directory)
    case file(File)
    /// The size in bytes of the target, which follows.
    case symlink(targetSize: UInt32)
    case device(UInt32)
    case ipc
  }

  public struct Directory: Equatable, Sendable {
    public var listing: MetadataReference
    /// As stored: 3 more than the listing's size in bytes.
    public var storedSize: UInt32
    public var parent: UInt32
    /// The number of index entries that follow.
    public var indexCount: Int

    /// The most index entries possible: one per header, which has at least one entry with a name
    /// of one byte.
    public var mostIndexEntries: Int {
      listingSize / (DirectoryHeader.byteCount + DirectoryEntryRecord.byteCount + 1)
    }

    /// The listing's size in bytes; sizes below 3 mean an empty directory as well.
    public var listingSize: Int { max(0, Int(storedSize) - 3) }
  }

  public struct File: Equatable, Sendable {
    public var blocksStart: UInt64
    public var size: UInt64
    public var sparse: UInt64
    public var fragment: UInt32
    public var fragmentOffset: UInt32

    public var hasFragment: Bool { fragment != Inode.noFragment }

    /// The number of stored block sizes that follow.
    public func blockCount(_ blockSize: BlockSize) -> UInt64 {
      let whole = size >> UInt64(blockSize.log)
      let hasRest = size & UInt64(blockSize.byteCount - 1) != 0
      return whole + (hasRest && !hasFragment ? 1 : 0)
    }

    /// The number of bytes stored in a fragment.
    public func tailSize(_ blockSize: BlockSize) -> Int {
      hasFragment ? Int(size & UInt64(blockSize.byteCount - 1)) : 0
    }
  }

  /// The size in bytes of the part common to all inodes: type, permissions, owner, group, time,
  /// number.
  public static let headerByteCount = 16

  /// The size of the fixed part of an inode of this stored type, header included.
  ///
  /// - Returns: `nil` for an invalid type.
  public static func byteCount(storedType: UInt16) -> Int? {
    switch storedType {
    case 1: 32
    case 2: 32
    case 3: 24
    case 4, 5: 24
    case 6, 7: 20
    case 8: 40
    case 9: 56
    case 10: 24
    case 11, 12: 28
    case 13, 14: 24
    default: nil
    }
  }

  /// - Parameter bytes: the fixed part.
  /// - Returns: `nil` if the type is invalid or `bytes` is too short for it.
  public init?(parsing bytes: RawSpan) {
    guard bytes.byteCount >= Self.headerByteCount else { return nil }
    let stored: UInt16 = bytes.little(0)
    guard let size = Self.byteCount(storedType: stored), bytes.byteCount >= size,
      let type = FileType(rawValue: stored > 7 ? stored - 7 : stored)
    else { return nil }
    self.type = type
    isExtended = stored > 7
    permissions = bytes.little(2, as: UInt16.self) & 0o7777
    typeBits = bytes.little(2, as: UInt16.self) & 0o170000
    uidIndex = bytes.little(4)
    gidIndex = bytes.little(6)
    modified = bytes.little(8)
    number = bytes.little(12)
    xattrIndex = Inode.noXattrs
    switch (type, isExtended) {
    case (.directory, false):
      links = bytes.little(20)
      body = .directory(
        Directory(
          listing: MetadataReference(
            blockStart: UInt64(bytes.little(16, as: UInt32.self)),
            offset: Int(bytes.little(26, as: UInt16.self))),
          storedSize: UInt32(bytes.little(24, as: UInt16.self)), parent: bytes.little(28),
          indexCount: 0))
    case (.directory, true):
      links = bytes.little(16)
      xattrIndex = bytes.little(36)
      body = .directory(
        Directory(
          listing: MetadataReference(
            blockStart: UInt64(bytes.little(24, as: UInt32.self)),
            offset: Int(bytes.little(34, as: UInt16.self))),
          storedSize: bytes.little(20), parent: bytes.little(28),
          indexCount: Int(bytes.little(32, as: UInt16.self))))
    case (.file, false):
      links = 1
      body = .file(
        File(
          blocksStart: UInt64(bytes.little(16, as: UInt32.self)),
          size: UInt64(bytes.little(28, as: UInt32.self)), sparse: 0,
          fragment: bytes.little(20), fragmentOffset: bytes.little(24)))
    case (.file, true):
      links = bytes.little(40)
      xattrIndex = bytes.little(52)
      body = .file(
        File(
          blocksStart: bytes.little(16), size: bytes.little(24), sparse: bytes.little(32),
          fragment: bytes.little(44), fragmentOffset: bytes.little(48)))
    case (.symlink, _):
      links = bytes.little(16)
      body = .symlink(targetSize: bytes.little(20))
    case (.blockDevice, _), (.characterDevice, _):
      links = bytes.little(16)
      body = .device(bytes.little(20))
      if isExtended { xattrIndex = bytes.little(24) }
    case (.fifo, _), (.socket, _):
      links = bytes.little(16)
      body = .ipc
      if isExtended { xattrIndex = bytes.little(20) }
    }
  }
}

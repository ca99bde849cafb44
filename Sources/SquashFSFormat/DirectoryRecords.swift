/// The header of a run of directory entries whose inodes are in one metadata block.
///
/// Layout: SquashFS Binary Format, section "Directory Table".
public struct DirectoryHeader: Equatable, Sendable {
  /// The size on disk in bytes.
  public static let byteCount = 12
  /// The most entries a reader accepts after one header.
  public static let mostEntries: UInt32 = 256

  /// The number of entries that follow, as stored plus one.
  public var entryCount: UInt64
  /// The start of the inodes' metadata block in the inode table.
  public var inodeBlockStart: UInt32
  /// The inode number to which entries store differences.
  public var inodeNumber: UInt32

  public init(entryCount: UInt64, inodeBlockStart: UInt32, inodeNumber: UInt32) {
    self.entryCount = entryCount
    self.inodeBlockStart = inodeBlockStart
    self.inodeNumber = inodeNumber
  }

  /// - Parameter bytes: at least `byteCount` bytes.
  public init(parsing bytes: RawSpan) {
    entryCount = UInt64(bytes.little(0, as: UInt32.self)) + 1
    inodeBlockStart = bytes.little(4)
    inodeNumber = bytes.little(8)
  }
}

/// A directory entry without its name, which follows.
public struct DirectoryEntryRecord: Equatable, Sendable {
  /// The size on disk in bytes.
  public static let byteCount = 8

  /// The inode's offset in its unpacked metadata block.
  public var inodeOffset: UInt16
  public var inodeNumberDifference: Int16
  /// As stored; only basic types in a valid image.
  public var type: UInt16
  /// The size of the name in bytes, as stored plus one.
  public var nameSize: Int

  /// - Parameter bytes: at least `byteCount` bytes.
  public init(parsing bytes: RawSpan) {
    inodeOffset = bytes.little(0)
    inodeNumberDifference = bytes.little(2)
    type = bytes.little(4)
    nameSize = Int(bytes.little(6, as: UInt16.self)) + 1
  }

  /// The longest name the format allows, in bytes.
  public static let longestName = 256
}

/// An entry of a directory's index without its name, which follows.
public struct DirectoryIndexRecord: Equatable, Sendable {
  /// The size on disk in bytes.
  public static let byteCount = 12

  /// The offset of the header it points to, in bytes from the listing's start.
  public var offset: UInt32
  /// The start of that header's metadata block in the directory table.
  public var blockStart: UInt32
  /// The size of the name in bytes, as stored plus one.
  public var nameSize: UInt64

  /// - Parameter bytes: at least `byteCount` bytes.
  public init(parsing bytes: RawSpan) {
    offset = bytes.little(0)
    blockStart = bytes.little(4)
    nameSize = UInt64(bytes.little(8, as: UInt32.self)) + 1
  }
}

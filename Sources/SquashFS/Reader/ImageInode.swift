public import SquashFSFormat

/// An inode of an image.
public struct ImageInode: Sendable {
  public let record: InodeRecord
  /// Where the inode is in the inode table; tells it from all others.
  public let reference: MetadataReference
  /// Where the part of variable size is.
  let tail: MetadataReference
}

/// Where a data or fragment block lies in an image.
public struct BlockPlace: Hashable, Sendable {
  /// Counted from the image's start.
  public var start: UInt64
  public var stored: StoredBlock

  public init(start: UInt64, stored: StoredBlock) {
    self.start = start
    self.stored = stored
  }
}

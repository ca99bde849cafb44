public import TreeModel

/// One inode as stored in the inode table.
///
/// Layout: SquashFS Binary Format, section "Inode Table". Every kind has a basic and an extended
/// form; encoding picks the basic one wherever it can hold the values.
public struct Inode: Equatable, Sendable {
  public var permissions: UInt16
  public var uidIndex: UInt16
  public var gidIndex: UInt16
  /// Seconds since 1970.
  public var modified: UInt32
  /// 1 to the image's inode count.
  public var number: UInt32
  public var links: UInt32
  /// The row of the xattr table, or `noXattrs`.
  public var xattrIndex: UInt32
  public var body: Body

  public static let noXattrs = UInt32.max
  /// Replaces a fragment's index if the file's last bytes have a block of their own.
  public static let noFragment = UInt32.max

  public enum Body: Equatable, Sendable {
    case directory(Directory)
    case file(File)
    case symlink(target: [UInt8])
    case blockDevice(UInt32)
    case characterDevice(UInt32)
    case fifo
    case socket
  }

  public struct Directory: Equatable, Sendable {
    /// Where the listing starts, in the directory table.
    public var listing: MetadataReference
    /// The listing's size in bytes, 0 for an empty directory.
    public var listingSize: Int
    public var parent: UInt32
    public var index: [IndexEntry]

    public init(listing: MetadataReference, listingSize: Int, parent: UInt32, index: [IndexEntry]) {
      self.listing = listing
      self.listingSize = listingSize
      self.parent = parent
      self.index = index
    }
  }

  /// Points to a header in the middle of a long listing.
  public struct IndexEntry: Equatable, Sendable {
    /// The header's offset from the listing's start, in bytes.
    public var offset: UInt32
    /// The start of the header's metadata block, in the directory table.
    public var blockStart: UInt32
    /// The first name after the header.
    public var name: [UInt8]

    public init(offset: UInt32, blockStart: UInt32, name: [UInt8]) {
      self.offset = offset
      self.blockStart = blockStart
      self.name = name
    }
  }

  /// The part of a file's inode before the list of its blocks, which ends it.
  public struct File: Equatable, Sendable {
    /// The position of the first block in the image.
    public var blocksStart: UInt64
    public var size: UInt64
    /// The number of bytes saved by holes.
    public var sparse: UInt64
    public var fragment: UInt32
    public var fragmentOffset: UInt32

    public init(
      blocksStart: UInt64, size: UInt64, sparse: UInt64, fragment: UInt32, fragmentOffset: UInt32
    ) {
      self.blocksStart = blocksStart
      self.size = size
      self.sparse = sparse
      self.fragment = fragment
      self.fragmentOffset = fragmentOffset
    }
  }

  public init(
    permissions: UInt16, uidIndex: UInt16, gidIndex: UInt16, modified: UInt32, number: UInt32,
    links: UInt32, xattrIndex: UInt32, body: Body
  ) {
    self.permissions = permissions
    self.uidIndex = uidIndex
    self.gidIndex = gidIndex
    self.modified = modified
    self.number = number
    self.links = links
    self.xattrIndex = xattrIndex
    self.body = body
  }

  /// The type as in directory entries.
  public var type: FileType {
    switch body {
    case .directory: .directory
    case .file: .file
    case .symlink: .symlink
    case .blockDevice: .blockDevice
    case .characterDevice: .characterDevice
    case .fifo: .fifo
    case .socket: .socket
    }
  }

  /// Whether the basic form cannot hold the values.
  public var isExtended: Bool {
    if xattrIndex != Self.noXattrs { return true }
    switch body {
    case .directory(let directory):
      return !directory.index.isEmpty || directory.listingSize + 3 > Int(UInt16.max)
    case .file(let file):
      return links != 1 || file.sparse != 0 || file.size > UInt64(UInt32.max)
        || file.blocksStart > UInt64(UInt32.max)
    default:
      return false
    }
  }
}

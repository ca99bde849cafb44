/// An entry on its way from a source to a tree: its path, kind and metadata.
public struct TreeEntry {
  /// The kind of an entry.
  public enum Kind: Hashable {
    case directory
    /// `size` is the announced number of bytes, `nil` if the source does not know it yet.
    case regular(size: UInt64?)
    case symlink(target: [UInt8])
    case blockDevice(DeviceNumber)
    case characterDevice(DeviceNumber)
    case fifo
    case socket
    /// Another name for the file at `target`, a path in the same source; with `hasContent`, the
    /// bytes come with this name (cpio stores them with the last name).
    case hardLink(target: [UInt8], hasContent: Bool)
  }

  /// The path as in the source, components separated by `/`.
  public var path: [UInt8]
  public var kind: Kind
  public var attributes: Attributes
  public var xattrs: [ExtendedAttribute]
  /// Set if the entry may be one of a file's several names and only this tells which: entries
  /// with equal identities are names of one file if they are otherwise equal too.
  public var identity: FileIdentity?

  public init(
    path: [UInt8], kind: Kind, attributes: Attributes, xattrs: [ExtendedAttribute] = []
  ) {
    self.path = path
    self.kind = kind
    self.attributes = attributes
    self.xattrs = xattrs
  }
}

/// What a file's names have in common in a source that does not link them explicitly (cpio).
public struct FileIdentity: Hashable, Sendable {
  /// The number of the archive in the source: each archive numbers its own files.
  public var segment: Int
  public var device: UInt64
  public var number: Int64
  /// How many names the file has in all, if its source is right.
  public var links: UInt32
  /// The permissions and the type bits.
  public var mode: UInt32
  public var attributes: Attributes
  /// Whether names before the last may come without the bytes.
  public var bringsContentLast: Bool

  public init(
    segment: Int, device: UInt64, number: Int64, links: UInt32, mode: UInt32,
    attributes: Attributes, bringsContentLast: Bool
  ) {
    self.segment = segment
    self.device = device
    self.number = number
    self.links = links
    self.mode = mode
    self.attributes = attributes
    self.bringsContentLast = bringsContentLast
  }
}

/// Owner, mode and time of an entry.
public struct Attributes: Hashable, Sendable {
  /// The twelve permission bits (`07777`), no type bits.
  public var permissions: UInt16
  public var uid: UInt32
  public var gid: UInt32
  /// Seconds since 1970, possibly outside the range an image can hold.
  public var modified: Int64
  /// Stands for a missing time; it becomes the newest of all.
  public static let unknownTime = Int64.min

  public init(permissions: UInt16, uid: UInt32, gid: UInt32, modified: Int64) {
    self.permissions = permissions & 0o7777
    self.uid = uid
    self.gid = gid
    self.modified = modified
  }
}

/// A Linux device number, split into its parts.
public struct DeviceNumber: Hashable, Sendable {
  public var major: UInt32
  public var minor: UInt32

  public init(major: UInt32, minor: UInt32) {
    self.major = major
    self.minor = minor
  }
}

/// An extended attribute: its full name (`user.comment`) and its value.
public struct ExtendedAttribute: Hashable, Sendable {
  public var name: [UInt8]
  public var value: [UInt8]

  public init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }
}

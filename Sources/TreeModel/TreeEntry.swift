/// One entry of a tree on its way from a source: its place, its kind and its metadata.
public struct TreeEntry {
  /// What an entry is.
  public enum Kind: Equatable {
    case directory
    /// `size` is the announced number of bytes, `nil` where the source does not know it yet.
    case regular(size: UInt64?)
    case symlink(target: [UInt8])
    case blockDevice(DeviceNumber)
    case characterDevice(DeviceNumber)
    case fifo
    case socket
    /// Another name for the file at `target`, a path in the same source; with `hasContent`
    /// the file's bytes come with this name (cpio does that for the last of the names).
    case hardLink(target: [UInt8], hasContent: Bool)
  }

  /// The path as the source has it, components separated by `/`.
  public var path: [UInt8]
  public var kind: Kind
  public var attributes: Attributes
  public var xattrs: [ExtendedAttribute]

  public init(
    path: [UInt8], kind: Kind, attributes: Attributes, xattrs: [ExtendedAttribute] = []
  ) {
    self.path = path
    self.kind = kind
    self.attributes = attributes
    self.xattrs = xattrs
  }
}

/// Owner, mode and time of an entry.
public struct Attributes: Hashable, Sendable {
  /// The twelve permission bits (`07777`), no type bits.
  public var permissions: UInt16
  public var uid: UInt32
  public var gid: UInt32
  /// Seconds since 1970, possibly before or after what an image can hold.
  public var modified: Int64
  /// The time of what a source has none for; it gets the newest of all.
  public static let unknownTime = Int64.min

  public init(permissions: UInt16, uid: UInt32, gid: UInt32, modified: Int64) {
    self.permissions = permissions & 0o7777
    self.uid = uid
    self.gid = gid
    self.modified = modified
  }
}

/// A Linux device number, taken apart.
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

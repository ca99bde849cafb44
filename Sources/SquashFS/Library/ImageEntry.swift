import SquashFSFormat
import TreeModel

/// A file, a directory, or anything else with a name in an image.
public struct ImageEntry: Sendable {
  /// The kind of an entry, with the data only that kind has.
  public enum Kind: Hashable, Sendable {
    case directory
    /// A regular file with `size` bytes.
    case file(size: UInt64)
    /// A symbolic link and its target: a path of at most 65,535 bytes.
    case symbolicLink(target: [UInt8])
    case blockDevice(major: UInt32, minor: UInt32)
    case characterDevice(major: UInt32, minor: UInt32)
    case fifo
    case socket
  }

  /// The path from the image's root.
  public let path: ImagePath
  /// The kind.
  public let kind: Kind
  /// The owner, mode and time.
  public let metadata: FileMetadata
  /// The values by their full names, such as `user.comment`.
  public let extendedAttributes: [[UInt8]: [UInt8]]
  /// The same for all names of one file, from 1 to the image's `inodeCount`.
  public let inodeNumber: UInt32

  init(_ inode: ImageInode, at path: ImagePath, in image: Image) throws(ImageReadError) {
    let entry = try image.entry(of: inode, path: path.bytes)
    self.path = path
    kind =
      switch entry.kind {
      case .directory, .hardLink: .directory
      case .regular(let size): .file(size: size ?? 0)
      case .symlink(let target): .symbolicLink(target: target)
      case .blockDevice(let device): .blockDevice(major: device.major, minor: device.minor)
      case .characterDevice(let device): .characterDevice(major: device.major, minor: device.minor)
      case .fifo: .fifo
      case .socket: .socket
      }
    metadata = FileMetadata(entry.attributes)
    extendedAttributes = Dictionary(entry.xattrs.map { ($0.name, $0.value) }) { first, _ in first }
    inodeNumber = inode.record.number
  }
}

/// The owner, mode and time of an entry.
public struct FileMetadata: Hashable, Sendable {
  /// The twelve bits of chmod(2), `0` to `0o7777`; higher bits are dropped.
  public var permissions: UInt16
  /// The user's number.
  public var owner: UInt32
  /// The group's number.
  public var group: UInt32
  /// Seconds since 1970. An image holds 0 to 4,294,967,295; other times are clamped.
  public var modified: Int64

  /// The metadata of a file; by default it belongs to root and is from 1970.
  public init(permissions: UInt16, owner: UInt32 = 0, group: UInt32 = 0, modified: Int64 = 0) {
    self.permissions = permissions & 0o7777
    self.owner = owner
    self.group = group
    self.modified = modified
  }

  init(_ attributes: Attributes) {
    self.init(
      permissions: attributes.permissions, owner: attributes.uid, group: attributes.gid,
      modified: attributes.modified)
  }

  var attributes: Attributes {
    Attributes(permissions: permissions, uid: owner, gid: group, modified: modified)
  }
}

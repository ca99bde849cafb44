/// The seven kinds of inode, as directory entries number them. In the inode table each has an
/// extended form too, whose number is 7 more.
public enum InodeType: UInt16, Sendable, CaseIterable {
  case directory = 1
  case file = 2
  case symlink = 3
  case blockDevice = 4
  case characterDevice = 5
  case fifo = 6
  case socket = 7
}

extension InodeType {
  /// The type as stat(2) has it.
  public var modeBits: UInt16 {
    switch self {
    case .directory: 0o040000
    case .file: 0o100000
    case .symlink: 0o120000
    case .blockDevice: 0o060000
    case .characterDevice: 0o020000
    case .fifo: 0o010000
    case .socket: 0o140000
    }
  }
}

extension InodeType: CustomStringConvertible {
  /// As in "is a directory".
  public var description: String {
    switch self {
    case .directory: "directory"
    case .file: "file"
    case .symlink: "symbolic link"
    case .blockDevice: "block device"
    case .characterDevice: "character device"
    case .fifo: "fifo"
    case .socket: "socket"
    }
  }
}

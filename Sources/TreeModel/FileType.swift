/// The seven file types, numbered as in SquashFS directory entries. In the inode table each also
/// has an extended form, whose number is 7 higher.
public enum FileType: UInt16, Sendable, CaseIterable {
  case directory = 1
  case file = 2
  case symlink = 3
  case blockDevice = 4
  case characterDevice = 5
  case fifo = 6
  case socket = 7
}

extension FileType {
  /// The type bits of stat(2).
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

  /// The word for programs to read, as in find(1) and mtree(5).
  public var word: String {
    switch self {
    case .directory: "dir"
    case .file: "file"
    case .symlink: "link"
    case .blockDevice: "block"
    case .characterDevice: "char"
    case .fifo: "fifo"
    case .socket: "socket"
    }
  }

  /// The letter that `ls -l` shows, in ASCII.
  public var letter: UInt8 {
    switch self {
    case .directory: UInt8(ascii: "d")
    case .file: UInt8(ascii: "-")
    case .symlink: UInt8(ascii: "l")
    case .blockDevice: UInt8(ascii: "b")
    case .characterDevice: UInt8(ascii: "c")
    case .fifo: UInt8(ascii: "p")
    case .socket: UInt8(ascii: "s")
    }
  }
}

extension FileType: CustomStringConvertible {
  /// The noun with its article, as in "is a directory".
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

extension Tree.Kind {
  public var type: FileType {
    switch self {
    case .directory: .directory
    case .regular: .file
    case .symlink: .symlink
    case .blockDevice: .blockDevice
    case .characterDevice: .characterDevice
    case .fifo: .fifo
    case .socket: .socket
    }
  }
}

extension TreeEntry.Kind {
  /// `nil` for another name of a file, which may have any type but directory.
  public var type: FileType? {
    switch self {
    case .directory: .directory
    case .regular: .file
    case .symlink: .symlink
    case .blockDevice: .blockDevice
    case .characterDevice: .characterDevice
    case .fifo: .fifo
    case .socket: .socket
    case .hardLink: nil
    }
  }
}

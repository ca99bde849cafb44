public import Glibc

/// What the kernel knows of a file: `stat`, with what this program asks of it.
extension stat {
  /// Of an open file.
  ///
  /// - Returns: `nil` where it cannot be asked; `errno` says why.
  public init?(of descriptor: Int32) {
    self.init()
    guard fstat(descriptor, &self) == 0 else { return nil }
  }

  /// Of what a path leads to.
  ///
  /// - Parameter followsLinks: whether a link at its end is followed.
  /// - Returns: `nil` where it cannot be asked; `errno` says why.
  public init?(at path: [UInt8], followsLinks: Bool = true) {
    self.init(path, in: AT_FDCWD, followsLinks: followsLinks)
  }

  /// Of what a path leads to.
  public init?(at path: HostPath, followsLinks: Bool = true) {
    self.init(at: path.bytes, followsLinks: followsLinks)
  }

  /// Of a name in an open directory.
  ///
  /// - Returns: `nil` where it cannot be asked; `errno` says why.
  public init?(_ name: [UInt8], in folder: Int32, followsLinks: Bool = false) {
    self.init()
    let flags = followsLinks ? 0 : AT_SYMLINK_NOFOLLOW
    guard name.withCPath({ fstatat(folder, $0, &self, flags) }) == 0 else { return nil }
  }

  public var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
  public var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  public var isLink: Bool { st_mode & S_IFMT == S_IFLNK }

  /// In bytes; what a file system may claim below 0 is none.
  public var size: UInt64 { UInt64(max(0, st_size)) }

  /// Nanoseconds since 1970, of the last change of the content.
  public var modified: Int64 { Int64(st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(st_mtim.tv_nsec) }

  public var identity: FileID { FileID(device: st_dev, inode: st_ino) }
}

/// What tells a file from all others of this machine, as long as it is there.
public struct FileID: Hashable, Sendable {
  public let device: dev_t
  public let inode: ino_t

  public init(device: dev_t, inode: ino_t) {
    self.device = device
    self.inode = inode
  }
}

public import Glibc

/// What the kernel knows about a file: `stat`, with what this program needs of it.
extension stat {
  /// The status of an open file.
  ///
  /// - Returns: `nil` on failure; `errno` says why.
  public init?(of descriptor: Int32) {
    self.init()
    guard fstat(descriptor, &self) == 0 else { return nil }
  }

  /// The status of the file at a path.
  ///
  /// - Parameter followsLinks: whether to follow a link at its end.
  /// - Returns: `nil` on failure; `errno` says why.
  public init?(at path: [UInt8], followsLinks: Bool = true) {
    self.init(path, in: AT_FDCWD, followsLinks: followsLinks)
  }

  /// The status of the file at a path.
  public init?(at path: HostPath, followsLinks: Bool = true) {
    self.init(at: path.bytes, followsLinks: followsLinks)
  }

  /// The status of a name in an open directory.
  ///
  /// - Returns: `nil` on failure; `errno` says why.
  public init?(_ name: [UInt8], in folder: Int32, followsLinks: Bool = false) {
    self.init()
    let flags = followsLinks ? 0 : AT_SYMLINK_NOFOLLOW
    guard name.withCPath({ fstatat(folder, $0, &self, flags) }) == 0 else { return nil }
  }

  public var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
  public var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  public var isLink: Bool { st_mode & S_IFMT == S_IFLNK }

  /// The size in bytes; 0 if a file system claims a negative one.
  public var size: UInt64 { UInt64(max(0, st_size)) }

  /// The time of the last change to the content, in nanoseconds since 1970.
  public var modified: Int64 { Int64(st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(st_mtim.tv_nsec) }

  public var identity: FileID { FileID(device: st_dev, inode: st_ino) }
}

/// Distinguishes a file from all others on this machine while it exists.
public struct FileID: Hashable, Sendable {
  public let device: dev_t
  public let inode: ino_t

  public init(device: dev_t, inode: ino_t) {
    self.device = device
    self.inode = inode
  }
}

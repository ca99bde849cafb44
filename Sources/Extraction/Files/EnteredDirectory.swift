import Glibc
import Posix

/// A directory opened for writing. If its mode shuts out even its owner, this user, it is made
/// writable; whoever enters it sets the final mode at the end.
struct EnteredDirectory {
  let descriptor: Int32
  let status: stat
  /// The previous mode, if it was changed.
  let oldMode: mode_t?

  /// - Parameters:
  ///   - path: of the directory; relative to `folder`.
  ///   - followsLinks: whether the last name may be a symbolic link.
  ///   - mayChange: whether the mode may be changed.
  /// - Returns: `nil` if it cannot be opened; `errno` says why.
  init?(_ path: [UInt8], in folder: Int32, followsLinks: Bool = false, mayChange: Bool) {
    let flags = O_DIRECTORY | O_CLOEXEC | (followsLinks ? 0 : O_NOFOLLOW)
    let opened = path.withCPath { openat(folder, $0, O_RDONLY | flags) }
    if opened >= 0 {
      self.init(opened, mayChange: mayChange)
      return
    }
    guard errno == EACCES, mayChange,
      let (descriptor, oldMode) = Self.openUnreadable(path, in: folder, flags)
    else { return nil }
    self.init(descriptor, mayChange: false, oldMode: oldMode)
  }

  /// - Parameter descriptor: of an open directory; closed if its status is unavailable.
  init?(_ descriptor: Int32, mayChange: Bool, oldMode: mode_t? = nil) {
    guard let status = stat(of: descriptor) else {
      let code = errno
      close(descriptor)
      errno = code
      return nil
    }
    self.descriptor = descriptor
    self.status = status
    let mode = status.st_mode & 0o7777
    let isChanged =
      mayChange && Self.isShut(status) && !Self.isWritable(descriptor)
      && fchmod(descriptor, mode | 0o700) == 0
    self.oldMode = isChanged ? mode : oldMode
  }

  /// Whether the mode keeps this user from making files in their own directory.
  static func isShut(_ status: stat) -> Bool {
    status.st_mode & 0o300 != 0o300 && status.st_uid == geteuid()
  }

  /// Whether this user can write in it anyway, as root can.
  private static func isWritable(_ descriptor: Int32) -> Bool {
    Array("/proc/self/fd/\(descriptor)".utf8).withCPath { access($0, W_OK | X_OK) } == 0
  }

  /// Opens a directory of this user's that not even its owner may read.
  private static func openUnreadable(
    _ path: [UInt8], in folder: Int32, _ flags: Int32
  ) -> (descriptor: Int32, oldMode: mode_t)? {
    let handle = path.withCPath { openat(folder, $0, O_PATH | flags) }
    guard handle >= 0 else { return nil }
    defer { close(handle) }
    guard let status = stat(of: handle), status.st_uid == geteuid() else {
      errno = EACCES
      return nil
    }
    let mode = status.st_mode & 0o7777
    // Through the descriptor: it is this directory, whatever has the name by now.
    let link = Array("/proc/self/fd/\(handle)".utf8)
    guard link.withCPath({ chmod($0, mode | 0o700) }) == 0 else {
      errno = EACCES
      return nil
    }
    let opened = openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else {
      _ = link.withCPath { chmod($0, mode) }
      errno = EACCES
      return nil
    }
    return (opened, mode)
  }
}

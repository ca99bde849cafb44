import Glibc

/// A lock that keeps out other runs of the program as long as this value lives.
public final class FileLock {
  private let file: Descriptor

  /// - Parameters:
  ///   - name: the lock file, created if missing.
  ///   - waits: whether to wait for another run to end.
  /// - Throws: `SystemError` when the file cannot be opened or another run holds the lock.
  public init(_ name: Name, in folder: Folder, waits: Bool) throws(SystemError) {
    let path = folder.path(of: name)
    let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK
    guard
      let file = Descriptor(opening: name.bytes, flags, in: folder.descriptor, mode: 0o600)
    else { throw SystemError("open", path: path) }
    let number = file.number
    guard retryingInterrupts({ flock(number, waits ? LOCK_EX : LOCK_EX | LOCK_NB) }) == 0 else {
      throw SystemError(
        errno == EWOULDBLOCK ? "start while another run is active" : "lock", path: path)
    }
    self.file = file
  }
}

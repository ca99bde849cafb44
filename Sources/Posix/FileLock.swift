internal import Glibc

/// A lock that keeps other runs of the program off, as long as this value lives.
public final class FileLock {
  private let descriptor: Int32

  /// - Parameters:
  ///   - name: of a file for it, made where there is none.
  ///   - waits: whether to wait for another run to end.
  /// - Throws: `SystemError` when the file cannot be opened, or another run is at work.
  public init(_ name: [UInt8], in folder: Folder, waits: Bool) throws(SystemError) {
    let descriptor = name.withCPath {
      openat(folder.descriptor, $0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    }
    let path = folder.path(of: name)
    guard descriptor >= 0 else { throw SystemError("open", path: path) }
    guard retryingInterrupts({ flock(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB) }) == 0 else {
      let code = errno
      close(descriptor)
      throw SystemError(
        code == EWOULDBLOCK ? "start while another run is at work" : "lock", path: path, code: code)
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }
}

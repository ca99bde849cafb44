import Glibc
import Posix
import Synchronization

/// The lock of a cache's folder: who holds it may add and remove objects. Its file has the bytes of
/// all objects, for processes that may no longer look at them.
final class CacheLock: Sendable {
  /// What the file has.
  struct Total {
    fileprivate let file: Int32

    /// The bytes on disk of all objects, as far as somebody counted them.
    var bytes: UInt64 {
      get {
        var value: UInt64 = 0
        let count = withUnsafeMutableBytes(of: &value) { readFully(file, into: $0, at: 0) }
        return count == 8 ? UInt64(littleEndian: value) : 0
      }
      nonmutating set {
        // If the disk takes nothing, it takes no objects either.
        _ = withUnsafeBytes(of: newValue.littleEndian) { writeFully(file, $0, at: 0) }
      }
    }
  }

  private let file: Descriptor
  // The system's lock is one for all threads of a process.
  private let mutex = Mutex(())

  /// - Throws: `SystemError` when the file cannot be opened.
  init(in folder: Folder) throws(SystemError) {
    let name: Name = "lock"
    let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK
    guard
      let file = Descriptor(opening: name.bytes, flags, in: folder.descriptor, mode: 0o600)
    else { throw SystemError("open", path: folder.path(of: name)) }
    self.file = file
  }

  /// Runs `body` while no other thread or process is in here.
  ///
  /// - Parameter waits: whether to wait for others, a few seconds at most: one may be stopped.
  /// - Returns: `nil` if it did not run.
  func withLock<R>(waits: Bool, _ body: (Total) -> R) -> R? {
    mutex.withLock { _ in
      var tries = waits ? 100 : 1
      while retryingInterrupts({ flock(file.number, LOCK_EX | LOCK_NB) }) != 0 {
        tries -= 1
        guard errno == EWOULDBLOCK, tries > 0 else { return nil }
        usleep(20_000)
      }
      defer { flock(file.number, LOCK_UN) }
      return body(Total(file: file.number))
    }
  }

  /// The bytes to free until a tenth of the disk is free, which stays for others.
  var missingSpace: UInt64 {
    var disk = statvfs()
    guard fstatvfs(file.number, &disk) == 0, disk.f_blocks > 0 else { return 0 }
    let tenth = UInt64(disk.f_blocks) / 10
    let free = UInt64(disk.f_bavail)
    guard free < tenth else { return 0 }
    return (tenth - free).multipliedReportingOverflow(by: UInt64(disk.f_frsize)).partialValue
  }
}

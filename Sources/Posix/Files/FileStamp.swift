public import Glibc

/// What tells whether a file is as it was: every change of its content, its attributes or the names
/// in a directory gives it another one. Linux sets the change time itself; nobody can set it back.
///
/// What a program writes by way of memory that it mapped and changed before goes unnoticed, as do
/// two changes within the grain of the times on a file system that keeps coarse ones.
public struct FileStamp: Equatable, Sendable {
  private let device: UInt64
  private let inode: UInt64
  private let size: Int64
  private let modified: Time
  private let changed: Time

  private struct Time: Equatable {
    let seconds: Int
    let nanoseconds: Int

    init(_ time: timespec) {
      seconds = time.tv_sec
      nanoseconds = time.tv_nsec
    }
  }

  public init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = Time(status.st_mtim)
    changed = Time(status.st_ctim)
  }

  /// - Returns: `nil` where the file cannot be asked; `errno` says why.
  public init?(descriptor: Int32) {
    guard let status = stat(of: descriptor) else { return nil }
    self.init(status)
  }

  /// Of the file that a path leads to.
  public init?(path: [UInt8]) {
    guard let status = stat(at: path) else { return nil }
    self.init(status)
  }

  /// Waits until a change from now on is sure to give the file another stamp: times are those of
  /// the kernel's latest tick, so that a file that was changed just now could change once more
  /// within it. Takes up to 20 ms, and no time for any other file.
  public func settle() {
    for _ in 0..<20 {
      var now = timespec()
      clock_gettime(CLOCK_REALTIME_COARSE, &now)
      let age = (now.tv_sec - changed.seconds, now.tv_nsec - changed.nanoseconds)
      guard age.0 == 0 || age.0 == -1, age <= (0, 0) else { return }
      usleep(1000)
    }
  }
}

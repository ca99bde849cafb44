public import Glibc

/// Tells whether a file has changed: every change to its content, its attributes or the names in
/// a directory gives it another stamp. Linux sets the change time; nobody can set it back.
///
/// Two changes go unnoticed: writes through memory that was mapped and changed before, and
/// changes within the time grain of a file system that keeps coarse times.
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

  /// - Returns: `nil` on failure; `errno` says why.
  public init?(descriptor: Int32) {
    guard let status = stat(of: descriptor) else { return nil }
    self.init(status)
  }

  /// The stamp of the file at a path.
  public init?(path: [UInt8]) {
    guard let status = stat(at: path) else { return nil }
    self.init(status)
  }

  /// Waits until any later change is sure to give the file another stamp. The kernel takes times
  /// from its latest tick, so a file that changed just now could change again within the same
  /// tick. Takes up to 20 ms, and no time for any other file.
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

import Glibc
import Posix

/// When files were changed.
enum FileTime {
  /// Whether a file, or a directory itself, was changed after another; not where one is not there.
  static func isNewer(_ path: [UInt8], than other: [UInt8]) -> Bool {
    guard let time = seconds(path), let otherTime = seconds(other) else { return false }
    return time > otherTime
  }

  private static func seconds(_ path: [UInt8]) -> Int? {
    var status = stat()
    return path.withCPath { stat($0, &status) } == 0 ? status.st_mtim.tv_sec : nil
  }
}

import Inputs
import Posix

/// Adds up what has arrived; for any thread.
final class UploadProgress: @unchecked Sendable {
  private let length: UInt64
  private let monitor = Monitor(conditions: 0)
  // Guarded by `monitor`.
  private let report: ProgressReport
  private var sent = 0

  init(of length: UInt64, _ report: @escaping ProgressReport) {
    self.length = length
    self.report = report
    report(0, 0)
  }

  /// - Parameter count: in bytes; negative for those that must be sent again.
  func add(_ count: Int) {
    monitor.withLock {
      sent += count
      report(UInt64(clamping: sent), length == 0 ? nil : Double(sent) / Double(length))
    }
  }
}

import FileTrees
import Inputs
import TreeModel

/// The progress in reading all sources.
struct PackProgress {
  private let readers: [PackSource]
  private let report: ProgressReport
  /// The expected number of bytes of all sources; `nil` if one is unknown.
  private let estimates: [SizeEstimate]

  init(
    _ sources: [PackInput], _ readers: [PackSource], dereferences: Bool,
    report: @escaping ProgressReport
  ) {
    self.readers = readers
    self.report = report
    estimates = sources.filter(\.isDirectory).map {
      SizeEstimate(of: $0.path, dereferences: dereferences)
    }
  }

  /// Passes contents on and reports them.
  func sink(_ content: any ContentSink) -> any ContentSink {
    ProgressSink(content) { report($0, fraction(of: $0)) }
  }

  private func fraction(of bytes: UInt64) -> Double? {
    guard readers.count == 1 else { return nil }
    if case .archive(let archive, _) = readers[0] {
      return archive.byteCount.map { Double(archive.bytesRead) / Double(max(1, $0)) }
    }
    return estimates.first?.bytes.map { Double(bytes) / Double(max(1, $0)) }
  }
}

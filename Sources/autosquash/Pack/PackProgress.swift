import FileTrees
import Posix
import Terminal
import TreeModel

/// How far the reading of all sources is.
struct PackProgress {
  private let readers: [PackSource]
  private let title: String
  /// The bytes that are expected, of all sources; `nil` where one does not tell.
  private let estimates: [SizeEstimate]

  init(_ sources: [PackInput], _ readers: [PackSource], title: [UInt8], dereferences: Bool) {
    self.readers = readers
    self.title = title.escapedName
    estimates = sources.filter(\.isDirectory).map {
      SizeEstimate(of: $0.path, dereferences: dereferences)
    }
  }

  /// Passes contents on, and moves a progress bar.
  func sink(_ content: any ContentSink) -> any ContentSink {
    ProgressSink(content, title: title) { .init(bytes: $0, fraction: fraction(of: $0)) }
  }

  private func fraction(of bytes: UInt64) -> Double? {
    guard readers.count == 1 else { return nil }
    if case .archive(let archive) = readers[0] {
      return archive.byteCount.map { Double(archive.bytesRead) / Double(max(1, $0)) }
    }
    return estimates.first?.bytes.map { Double(bytes) / Double(max(1, $0)) }
  }
}

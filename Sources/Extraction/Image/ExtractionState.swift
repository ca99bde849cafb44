import Posix
import Synchronization

/// State shared by the threads of an extraction.
final class ExtractionState: Sendable {
  private let context: ExtractionContext
  private let reporter: any ExtractionReporter
  private let byteCount = Atomic<UInt64>(0)
  private let lostCount = Atomic<Int>(0)
  private let hasStopped = Atomic<Bool>(false)
  private let failure = Mutex<(any Error)?>(nil)

  init(_ context: ExtractionContext, _ reporter: any ExtractionReporter) {
    self.context = context
    self.reporter = reporter
  }

  /// The number of bytes written to files.
  var bytes: UInt64 { byteCount.load(ordering: .relaxed) }
  /// The number of losses.
  var lost: Int { lostCount.load(ordering: .relaxed) }
  /// The error that ended the extraction.
  var error: (any Error)? { failure.withLock { $0 } }
  var isStopped: Bool { hasStopped.load(ordering: .relaxed) }

  func countWritten(_ count: Int) { byteCount.add(UInt64(count), ordering: .relaxed) }

  /// Counts and reports something unreadable.
  ///
  /// - Parameter path: in the image; `nil` if it concerns the whole image.
  func countLost(_ path: [UInt8]?, _ text: String) {
    lostCount.add(1, ordering: .relaxed)
    reporter.lost(Extractor.Loss(path: path, text: text))
  }

  /// Counts and reports an unreadable table.
  func countLost(table: String) {
    let what =
      switch table {
      case "id": "all files belong to root"
      case "fragment": "the ends of files, and all small files, are lost"
      case "xattr": "extended attributes are lost"
      default: "no extracted data is lost"
      }
    countLost(nil, "the \(table) table cannot be read: \(what)")
  }

  /// Ends the extraction; the first error is kept.
  func stop(_ error: any Error) {
    failure.withLock { if $0 == nil { $0 = error } }
    context.stop()
    hasStopped.store(true, ordering: .relaxed)
  }
}

import Posix
import SquashFS
import Synchronization
import TreeModel

/// A file being extracted, in one or more pieces.
final class FileJob: Sendable {
  /// Some of the file's bytes, and where they belong.
  enum Part {
    case block(BlockPlace, size: Int, at: UInt64)
    case tail(FragmentCache.Fragment, offset: Int, size: Int, at: UInt64)
    case lost(ImageReadError, size: UInt64, at: UInt64)
  }

  /// The path in the image.
  let path: [UInt8]
  private let attributes: Attributes
  private let xattrs: [ExtendedAttribute]
  private let name: [UInt8]
  private let directory: OutputDirectory
  private let size: UInt64
  /// Learns when the file exists, if it has several names.
  private let made: MadeFile?
  private let state = Mutex(State())

  /// The file's progress.
  private struct State {
    var output: OutputFile?
    var hasFailed = false
    /// The announced pieces still to do.
    var piecesLeft = 0
    /// Whether all pieces have been announced.
    var isComplete = false
    var savedBytes: UInt64 = 0
    var losses = Losses()
  }

  /// The unreadable parts of the file.
  private struct Losses {
    private(set) var first: [(range: Range<UInt64>, error: ImageReadError)] = []
    private(set) var count = 0
    private(set) var bytes: UInt64 = 0
    /// Enough for a report; a hostile image can have any number.
    private static let most = 16

    mutating func add(_ range: Range<UInt64>, _ error: ImageReadError) {
      count += 1
      bytes += range.upperBound - range.lowerBound
      if first.count < Self.most { first.append((range, error)) }
    }

    /// "5 of 10 bytes cannot be read (0-4)".
    func text(of size: UInt64) -> String {
      let ranges = first.sorted { $0.range.lowerBound < $1.range.lowerBound }.prefix(5)
        .map { "\($0.range.lowerBound)-\($0.range.upperBound - 1)" }
      return "\(bytes) of \(size) bytes cannot be read "
        + "(\(ranges.joined(separator: ", "))\(count > 5 ? ", …" : ""))"
    }

    /// The error of the first unreadable part of the file.
    var error: ImageReadError? {
      first.min { $0.range.lowerBound < $1.range.lowerBound }?.error
    }
  }

  init(
    _ entry: TreeEntry, name: [UInt8], in directory: OutputDirectory, size: UInt64,
    _ made: MadeFile?
  ) {
    path = entry.path
    attributes = entry.attributes
    xattrs = entry.xattrs
    self.made = made
    self.name = name
    self.directory = directory
    self.size = size
  }

  /// Announces a piece of work.
  func addPiece(isLast: Bool = false) {
    state.withLock {
      $0.piecesLeft += 1
      $0.isComplete = isLast
    }
  }

  /// The file to write to, opened at the first piece; `nil` if that failed.
  func open() -> OutputFile? {
    state.withLock {
      if $0.output == nil && !$0.hasFailed {
        $0.output = OutputFile(name, in: directory, size: size, attributes, xattrs)
        $0.hasFailed = $0.output == nil
      }
      return $0.hasFailed ? nil : $0.output
    }
  }

  func noteLoss(_ range: Range<UInt64>, _ error: ImageReadError) {
    state.withLock { $0.losses.add(range, error) }
  }

  func noteSaved(_ count: Int) { state.withLock { $0.savedBytes += UInt64(count) } }

  /// Stops writing the file.
  func abandon() {
    state.withLock {
      $0.hasFailed = true
      $0.output = nil
    }
  }

  /// Ends a piece of work; after the last one the file gets its name.
  func endPiece(_ extraction: ExtractionState) {
    let isLast = state.withLock { state in
      state.piecesLeft -= 1
      return state.piecesLeft == 0 && state.isComplete
    }
    guard isLast, !extraction.isStopped, let output = open() else { return }
    let (losses, savedBytes) = state.withLock { ($0.losses, $0.savedBytes) }
    guard let error = losses.error else {
      _ = output.finish(made)
      return
    }
    var text = "lost: \(losses.text(of: size))"
    if savedBytes > 0, let saved = output.finishDamaged() {
      text += "; the rest is in \(saved.escapedName), with zeros in the gaps"
    }
    extraction.countLost(path, "\(text): \(error)")
  }
}

import Extraction
import Inputs
import Posix
import SquashFS
import Terminal

/// The report that `extract` prints at its end.
struct ExtractionReport {
  let image: [UInt8]
  let target: [UInt8]
  let result: Extractor.Result
  let seconds: Double
  let isQuiet: Bool
  let skipsExisting: Bool

  private var wasInterrupted: Bool { Interruption.isRequested }

  /// Prints messages about single files, or about many of them.
  ///
  /// - Parameter source: the image, to look up what was missing.
  func printProblems(of source: Image) throws {
    // Reads that the interruption stopped are no failure.
    if let failure = result.failure, !wasInterrupted {
      _ = Messages.fail(image, advised(failure))
    }
    for path in result.missing { Messages.write(image, try PathPattern.failure(path, in: source)) }
    if !isQuiet {
      for warning in result.warnings { Messages.write(target, "warning: \(warning)") }
    }
    if result.existing.count > 0 { Messages.write(target, inTheWay(result.existing)) }
  }

  private func advised(_ error: any Error) -> any Error {
    guard var error = error as? ImageReadError, error.code == .damaged else { return error }
    error.message += "; --keep-going unpacks the rest"
    return error
  }

  /// One sentence for all files whose names were taken.
  private func inTheWay(_ files: ExistingFiles) -> String {
    let isOne = files.count == 1
    let names = files.first.map(\.escapedName).joined(separator: ", ")
    let list = files.count > files.first.count ? "\(names), …" : names
    if skipsExisting {
      return "\(files.count.counted("existing file")) "
        + "\(isOne ? "differs" : "differ") from the image: \(list); "
        + "--force replaces \(isOne ? "it" : "them")"
    }
    return "\(files.count.counted("file")) \(isOne ? "exists" : "exist") already: \(list); "
      + "--skip-existing keeps those with the same size and time, --force replaces all"
  }

  /// Prints the totals on one line.
  func printSum() {
    if result.isTakenBack || (isQuiet && result.isComplete) { return }
    var line = wasInterrupted ? "interrupted after " : ""
    if result.failure != nil, !wasInterrupted { line = "stopped after " }
    line +=
      result.made == 1 ? "1 file or directory" : "\(result.made.grouped) files and directories"
    line += ", \(result.bytes.asBytes)"
    if result.kept > 0 {
      line += "; kept \(result.kept.counted("existing file"))"
    }
    if result.errors > 0 {
      line += ", \(result.errors.grouped) \(result.errors == 1 ? "error" : "errors")"
    }
    if result.lost > 0 { line += ", \(result.lost.grouped) lost or damaged" }
    line += ", \(seconds.asDuration)"
    if wasInterrupted { line += "; --skip-existing continues from here" }
    Messages.write(target, line)
  }

  /// The totals for programs.
  func json(_ losses: [Extractor.Loss]) -> JSON {
    [
      "image": .name(image), "directory": .name(target),
      "made": JSON(result.made), "kept": JSON(result.kept),
      "bytes": JSON(result.bytes),
      "errors": JSON(result.errors),
      "missing": JSON(result.missing.count),
      "skippedDevices": JSON(result.skippedDevices),
      "lost": JSON(result.lost),
      "lostFiles": .array(
        losses.map {
          ["path": .name($0.path ?? image), "message": .string($0.text)]
        }
      ),
      "seconds": .number(seconds),
    ]
  }
}

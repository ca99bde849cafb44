import Glibc
public import Posix

/// A folder of a bucket, served by another program or a network.
///
/// A process that waits for a hung mount cannot be stopped, so a second one does the waiting. Call
/// these before other threads run.
public enum Bucket {
  /// Runs a query about a folder in another process; no step of it may take longer than the
  /// timeout.
  ///
  /// - Parameters:
  ///   - onProgress: called with the number of steps so far.
  ///   - work: computes the answer; calls its argument after each step, from any thread.
  /// - Throws: `BucketError` if there is no answer, or `work` throws.
  public static func ask<Value: WireCodable>(
    _ path: HostPath, seconds: Int, onProgress: (Int) -> Void = { _ in },
    _ work: (@escaping @Sendable () -> Void) throws(SystemError) -> Value
  ) throws(BucketError) -> Value {
    do {
      return try ForkedAnswer.ask(seconds: seconds, onProgress: onProgress) {
        progress throws(ErrorNumber) in
        do throws(SystemError) { return try work(progress) } catch {
          throw ErrorNumber(code: error.code)
        }
      }
    } catch {
      switch error {
      case .refused(let error): throw Self.error(error.code, path)
      case .late:
        throw BucketError(
          path: path, code: ETIMEDOUT,
          text: "no answer within \(seconds) seconds; is the bucket still mounted, and reachable?")
      case .noProcess(let error):
        throw BucketError(path: path, code: error.code, text: "\(error)")
      }
    }
  }

  /// Makes the catalogue of a folder; no step may take longer than the configured time.
  ///
  /// - Parameters: those of `Catalogue.collect`.
  public static func catalogue(
    _ images: HostPath, _ configuration: Configuration, check: ImageCheck,
    known: [Catalogue.Entry] = []
  ) throws(BucketError) -> Catalogue {
    try ask(images, seconds: configuration.answerTimeout) {
      progress throws(SystemError) in
      try Catalogue.collect(images, configuration, check: check, known: known, progress: progress)
    }
  }

  private static func error(_ code: Int32, _ path: HostPath) -> BucketError {
    let hint =
      switch code {
      case ENOENT: "; is the bucket mounted?"
      case EACCES, EPERM: "; try sudo"
      case ENOTCONN: "; the bucket's mount is dead; mount it again"
      default: ""
      }
    return BucketError(
      path: path, code: code, text: "cannot list: \(SystemError.reason(code))\(hint)")
  }
}

/// The error number of a failed system call; this process knows the rest.
private struct ErrorNumber: Error, WireCodable {
  let code: Int32

  init(code: Int32) { self.code = code }

  var wireBytes: [UInt8] { Array("\(code)".utf8) }

  init?(wireBytes: [UInt8]) {
    guard let code = Int32(String(decoding: wireBytes, as: UTF8.self)) else { return nil }
    self.code = code
  }
}

/// An unreadable folder of a bucket.
public struct BucketError: Error, Equatable, CustomStringConvertible {
  public var path: HostPath
  /// The C `errno`.
  public var code: Int32
  public var text: String

  public init(path: HostPath, code: Int32, text: String) {
    self.path = path
    self.code = code
    self.text = text
  }

  public var description: String { "\(path.escapedName): \(text)" }
}

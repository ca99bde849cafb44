import ObjectStore
import Posix
import Synchronization
import Terminal
import Uploading

/// Prints what upload does with images.
final class UploadReport: Sendable {
  private let isQuiet: Bool
  private let printsJSON: Bool
  private let hasLeftovers = Atomic(false)

  init(_ messages: MessageOptions) {
    isQuiet = messages.quiet
    printsJSON = messages.json
  }

  func warn(_ subject: [UInt8], _ text: String) { Messages(isQuiet: isQuiet).warn(subject, text) }

  /// Prints what is left in the bucket, even if only errors are wanted.
  func tellLeftover(_ subject: [UInt8], _ text: String) {
    hasLeftovers.store(true, ordering: .relaxed)
    Messages.write(subject, text)
  }

  /// Uploads an image and reports the result.
  func upload(_ upload: ImageUpload) throws {
    let start = Process.now
    let result = try upload.run()
    ProgressBar.clearLine()
    let seconds = Process.now - start
    guard printsJSON else {
      let beside = result.companions.map { $0.lastPathComponent.escapedName }
      let names = beside.joined(separator: " and ")
      return Messages(isQuiet: isQuiet).note(
        upload.url,
        result.isKept
          ? "has the same contents already; skipped"
            + (beside.isEmpty ? "" : ", but \(names) was missing, and was sent")
          : "\(result.length.asBytes)"
            + (beside.isEmpty ? "" : ", with \(names)")
            + ", \(seconds.asDuration)")
    }
    var output = StandardOutput()
    try output.write(
      line: [
        "image": .name(upload.image), "url": .name(upload.url),
        "result": .string(result.isKept ? "kept" : "uploaded"), "bytes": JSON(result.length),
        "etag": .string(result.etag), "beside": .array(result.companions.map { .name($0) }),
        "seconds": .number(seconds),
      ])
    try output.flush()
  }

  /// Reports that a signal has ended an upload.
  func interrupted(_ upload: ImageUpload, _ error: any Error) {
    guard (error as? UploadError)?.code != .unproved else {
      return Messages.write(upload.url, "interrupted; \(error)")
    }
    Messages.write(
      upload.url,
      hasLeftovers.load(ordering: .relaxed)
        ? "interrupted" : "interrupted; nothing of it is left in the bucket")
  }

  /// Reports a failure.
  ///
  /// - Returns: the exit status.
  func fail(_ image: [UInt8], _ error: any Error) -> Int32 {
    let status = Messages.fail(image, error)
    if printsJSON {
      let message = (error as? UploadError).map { "\($0.subject.escapedName): \($0)" } ?? "\(error)"
      print(
        JSON.object([
          ("image", .name(image)), ("result", "failed"), ("message", .string(message)),
        ]).text)
    }
    return status
  }
}

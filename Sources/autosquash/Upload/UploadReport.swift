import ObjectStore
import Posix
import Terminal
import Uploading

/// Prints what upload does with images.
final class UploadReport {
  private let messages: MessageOptions
  private var hasLeftovers = false

  init(messages: MessageOptions) { self.messages = messages }

  var warn: (_ subject: [UInt8], _ text: String) -> Void {
    Messages(isQuiet: messages.quiet).warn
  }

  /// Prints what is left in the bucket, even if only errors are wanted.
  var tellLeftover: (_ subject: [UInt8], _ text: String) -> Void {
    { [self] in
      hasLeftovers = true
      Messages.write($0, $1)
    }
  }

  /// Uploads an image and reports the result.
  func upload(_ upload: ImageUpload) throws {
    let start = Process.now
    let result = try upload.run()
    ProgressBar.clearLine()
    let seconds = Process.now - start
    guard messages.json else {
      let beside = result.companions.map { $0.lastPathComponent.escapedName }
      return Messages(isQuiet: messages.quiet).note(
        upload.url,
        result.isKept
          ? "has the same contents already; skipped"
          : "\(result.length.asBytes)"
            + (beside.isEmpty ? "" : ", with \(beside.joined(separator: " and "))")
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
  func interrupted(_ upload: ImageUpload) {
    Messages.write(
      upload.url, hasLeftovers ? "interrupted" : "interrupted; nothing of it is left in the bucket")
  }

  /// Reports a failure.
  ///
  /// - Returns: the exit status.
  func fail(_ image: [UInt8], _ error: any Error) -> Int32 {
    let status = Messages.fail(image, error)
    if messages.json {
      let message = (error as? UploadError).map { "\($0.subject.escapedName): \($0)" } ?? "\(error)"
      print(
        JSON.object([
          ("image", .name(image)), ("result", "failed"), ("message", .string(message)),
        ]).text)
    }
    return status
  }
}

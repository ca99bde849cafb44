internal import Glibc
public import Posix

/// A folder of a bucket, which another program or a network serves.
///
/// Who waits for a mount that hangs cannot be stopped, so another process waits. Call these before
/// other threads run.
public enum Bucket {
  /// Finds something out about a folder, in another process; no step of it may take longer than
  /// a time.
  ///
  /// - Parameters:
  ///   - onProgress: called with the number of steps so far.
  ///   - work: gives the answer; calls what it is called with after each step, from any thread.
  /// - Throws: `BucketError` when there is no answer, or `work` throws.
  public static func ask(
    _ path: HostPath, seconds: Int, onProgress: (Int) -> Void = { _ in },
    _ work: (@escaping @Sendable () -> Void) throws(SystemError) -> [UInt8]
  ) throws(BucketError) -> [UInt8] {
    let answer: [UInt8]?
    do {
      answer = try Deadline.run(seconds: seconds, onProgress: onProgress) { progress in
        do throws(SystemError) {
          return ([success] + (try work(progress)), afterwards: {})
        } catch {
          return ([UInt8(ascii: "-")] + Array("\(error.code)".utf8), afterwards: {})
        }
      }
    } catch {
      throw BucketError(path: path, code: error.code, text: "\(error)")
    }
    guard let answer else {
      throw BucketError(
        path: path, code: ETIMEDOUT,
        text: "no answer within \(seconds) seconds; is the bucket still mounted, and reachable?")
    }
    if let error = error(answer, path) { throw error }
    return Array(answer.dropFirst())
  }

  /// Makes the catalogue; no part of it may take longer than the configured time.
  ///
  /// - Parameters: as of `Catalogue.collect`.
  public static func catalogue(
    _ configuration: Configuration, check: ImageCheck, known: [Catalogue.Entry] = []
  ) throws(BucketError) -> Catalogue {
    let path = configuration.images
    let newline = UInt8(ascii: "\n")
    let answer = try ask(path, seconds: configuration.answerTimeout) {
      progress throws(SystemError) in
      let catalogue = try Catalogue.collect(
        configuration, check: check, known: known, progress: progress)
      var bytes: [UInt8] = []
      for entry in catalogue.images { bytes += entry.text + [newline] }
      for folder in catalogue.unreadable {
        bytes += Array("? ".utf8) + folder.path.bytes.hexadecimal + Array(" ".utf8)
        bytes += Array(folder.text.utf8).hexadecimal + [newline]
      }
      return bytes
    }
    var catalogue = Catalogue(images: [])
    for line in answer.split(separator: newline) {
      let fields = line.split(separator: UInt8(ascii: " "))
      if let entry = Catalogue.Entry(text: line) {
        catalogue.images.append(entry)
      } else if fields.count == 3,
        let folder = [UInt8](hexadecimal: fields[1]).flatMap({ RelativePath($0) }),
        let text = [UInt8](hexadecimal: fields[2])
      {
        catalogue.unreadable.append((folder, String(decoding: text, as: UTF8.self)))
      }
    }
    return catalogue
  }

  private static let success = UInt8(ascii: "+")

  private static func error(_ answer: [UInt8], _ path: HostPath) -> BucketError? {
    guard answer.first != success else { return nil }
    let code = Int32(String(decoding: answer.dropFirst(), as: UTF8.self)) ?? EIO
    let hint =
      switch code {
      case ENOENT: "; is the bucket mounted?"
      case EACCES, EPERM: "; root may, with sudo"
      case ENOTCONN: "; the bucket's mount is dead, mount it again"
      default: ""
      }
    return BucketError(
      path: path, code: code, text: "cannot list: \(SystemError.reason(code))\(hint)")
  }
}

/// A folder of a bucket that cannot be read.
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

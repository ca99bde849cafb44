internal import Glibc
internal import Posix

/// A folder of a bucket, which another program or a network serves.
public enum Bucket {
  /// Makes sure that a folder answers, within a time.
  ///
  /// Call it before other threads run, and before anything that may wait for the folder: who waits
  /// for a mount that hangs cannot be stopped.
  ///
  /// - Throws: `BucketError` when it does not, or when it cannot be listed.
  public static func probe(_ path: [UInt8], seconds: Int) throws(BucketError) {
    let answer: [UInt8]?
    do {
      answer = try Deadline.run(seconds: seconds) {
        (listing(of: path), afterwards: {})
      }
    } catch {
      throw BucketError(path: path, text: "\(error)")
    }
    guard let answer else {
      throw BucketError(
        path: path,
        text: "no answer within \(seconds) seconds; is the bucket still"
          + " mounted, and reachable?")
    }
    let text = String(decoding: answer.dropFirst(), as: UTF8.self)
    if answer[0] != 0 { throw BucketError(path: path, text: text) }
  }

  /// 0, or 1 and why the folder cannot be listed.
  private static func listing(of path: [UInt8]) -> [UInt8] {
    guard let stream = path.withCPath({ opendir($0) }) else { return failure() }
    defer { closedir(stream) }
    errno = 0
    guard readdir(stream) != nil || errno == 0 else { return failure() }
    return [0]
  }

  private static func failure() -> [UInt8] {
    let hint =
      switch errno {
      case ENOENT: "; is the bucket mounted?"
      case EACCES, EPERM: "; root may, with sudo"
      case ENOTCONN: "; the bucket's mount is dead, mount it again"
      default: ""
      }
    return [1] + Array("cannot list: \(String(cString: strerror(errno)))\(hint)".utf8)
  }
}

/// A folder with images that cannot be read.
public struct BucketError: Error, Equatable, CustomStringConvertible {
  /// The folder, as bytes.
  public var path: [UInt8]
  public var text: String

  public init(path: [UInt8], text: String) {
    self.path = path
    self.text = text
  }

  public var description: String { "\(path.escapedName): \(text)" }
}

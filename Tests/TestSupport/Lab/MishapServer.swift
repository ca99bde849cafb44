import Foundation
import Glibc

/// A proxy before a real S3 server, where uploads go wrong as a test wants (Servers/mishaps.py).
public final class MishapServer: Sendable {
  /// The endpoint, as `http://127.0.0.1:PORT`.
  public let url: String
  private let folder: TemporaryFolder
  private let daemon: Daemon

  /// - Parameter mishaps: JSON objects.
  public init(before backend: S3Server, _ mishaps: [String]) throws {
    folder = try TemporaryFolder()
    daemon = try Daemon(
      ["python3", Python.server("mishaps.py"), backend.url, "\(getpid())"], log: folder.path("log"))
    url = try daemon.address(of: "mishaps.py")
    try Tool.check(
      Self.curl + ["--data-binary", "@-", "\(url)/_mishaps"],
      input: Array("[\(mishaps.joined(separator: ","))]".utf8))
  }

  private static let curl = ["curl", "-sS", "--fail", "--noproxy", "*"]

  /// The requests so far: create, part, complete and the like.
  public func steps() throws -> [String] {
    let answer = try Tool.check(Self.curl + ["\(url)/_mishaps"])
    return try JSONDecoder().decode([String].self, from: Data(answer.text.utf8))
  }

  /// The variables with which programs find this server, and its backend's credentials.
  public var environment: [String: String] { LabEnvironment.variables(endpoint: url) }
}

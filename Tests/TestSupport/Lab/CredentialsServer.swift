/// The services of machines, containers and roles that hand out credentials
/// (Servers/credentials.py).
public final class CredentialsServer: Sendable {
  public let url: String
  private let folder: TemporaryFolder
  private let daemon: Daemon

  /// - Parameters:
  ///   - store: the URL of a store whose sessions it gives to the holder of the keys; without one, it
  ///     gives the keys themselves.
  public init(accessKey: String, secret: String, store: String? = nil) throws {
    folder = try TemporaryFolder()
    daemon = try Daemon(
      [Python.environment, Python.server("credentials.py"), accessKey, secret, "3600"]
        + (store.map { [$0] } ?? []), log: folder.path("log"))
    url = try daemon.address(of: "credentials.py")
  }

  /// What was asked: the method, the path, and the status of the answer.
  public func requests() throws -> [String] {
    try Tool.check(["curl", "-sS", "--fail", "--noproxy", "*", "\(url)/log"]).text
      .split(separator: "\n").map(String.init)
  }
}

/// A forward proxy, or a way to a server by IPv6 (Servers/proxy.py).
public final class ProxyServer: Sendable {
  /// The address, as `http://127.0.0.1:PORT` or `http://[::1]:PORT`.
  public let url: String
  private let folder: TemporaryFolder
  private let daemon: Daemon

  /// - Parameters:
  ///   - denies: whether it refuses all requests.
  ///   - target: the URL of a server on 127.0.0.1; makes it that server's address of IPv6.
  public init(denies: Bool = false, target: String? = nil) throws {
    folder = try TemporaryFolder()
    let port = target?.split(separator: ":").last.map { ["--to", String($0)] } ?? []
    daemon = try Daemon(
      ["/usr/bin/env", "python3", Python.server("proxy.py")] + (denies ? ["--deny"] : []) + port,
      log: folder.path("log"))
    url = try daemon.address(of: "proxy.py")
  }

  /// What it was asked for: the method, and a URL, or a host with its port.
  public var requests: [String] {
    daemon.text.split(separator: "\n").dropFirst().map(String.init)
  }
}

import Foundation
import Glibc
import Posix

/// A server of objects that fails as it is told, and counts requests (Servers/faults.py). Each case
/// of a test has a bucket of its own, so that they may run at the same time.
public final class FaultServer: Sendable {
  /// A request that the server has answered, or has refused to.
  public struct Request: Decodable, Sendable {
    public var method: String
    public var path: String
    public var query: String
    public var range: String
    /// The If-Match header.
    public var match: String
    /// The x-amz-request-payer header.
    public var payer: String
    /// Whether there was an Authorization header.
    public var signed: Bool
    public var host: String
    public var status: Int
    /// Of the body.
    public var bytes: Int
    public var start: Double
    public var end: Double
  }

  /// The endpoint, as `http://127.0.0.1:PORT`.
  public let url: String
  private let folder: TemporaryFolder
  private let daemon: Daemon

  /// - Parameters:
  ///   - latency: milliseconds a request.
  ///   - rate: megabits a second for all bodies together; 0 for no limit.
  ///   - page: the most keys in a page of a listing.
  ///   - temporary: a folder to remove after the test process, for one that lives as long.
  ///   - authority: makes it a TLS server with a certificate of this authority for 127.0.0.1.
  public init(
    latency: Int = 0, rate: Int = 0, page: Int = 1000, authority: TestAuthority? = nil,
    temporary: TemporaryFolder? = nil
  ) throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path("objects")])
    var command = [
      "python3", Python.server("faults.py"), folder.path("objects"), "--latency", "\(latency)",
      "--rate", "\(rate)", "--page", "\(page)", "--parent", "\(getpid())",
      "--temporary", folder.root,
    ]
    if let temporary { command += ["--temporary", temporary.root] }
    if let authority {
      command += [
        "--certificate", authority.certificate, "--key", authority.key,
      ]
    }
    daemon = try Daemon(command, log: folder.path("log"))
    url = try daemon.address(of: "faults.py")
  }

  /// The variables with which programs find this server, and some credentials.
  public var environment: [String: String] {
    LabEnvironment.variables(endpoint: url)
  }

  /// Puts a file into a bucket, as a link to it.
  public func put(_ bucket: String, _ key: String, file: String) throws {
    let path = folder.path("objects/\(bucket)/\(key)")
    try Tool.check(["mkdir", "-p", (path as NSString).deletingLastPathComponent])
    try Tool.check(["ln", "-sf", file, path])
  }

  /// Adds faults, as JSON objects of Servers/rules.py, for the paths of a bucket.
  public func fail(_ bucket: String, _ faults: [String]) throws {
    let rules = faults.map { #"{"prefix": "/\#(bucket)/", \#($0)}"# }
    try control(#"{"rules": [\#(rules.joined(separator: ","))]}"#)
  }

  /// Gives an order, in JSON (Servers/faults.py).
  public func control(_ order: String) throws {
    try Tool.check(
      ["curl", "-sS", "--fail", "--insecure", "--noproxy", "*", "--data-binary", "@-"]
        + ["\(url)/_control"], input: Array(order.utf8))
  }

  /// How many requests for a bucket are left without an answer now.
  public func silentRequests(_ bucket: String) throws -> Int {
    let answer = try Tool.check(
      ["curl", "-sS", "--fail", "--insecure", "--noproxy", "*"]
        + ["\(url)/_control?silent=1&prefix=/\(bucket)/"])
    return Int(answer.text) ?? 0
  }

  /// The requests for a bucket, once none is under way.
  public func requests(_ bucket: String) throws -> [Request] {
    let answer = try Tool.check(
      ["curl", "-sS", "--fail", "--insecure", "--noproxy", "*", "--get", "--data-urlencode"]
        + ["prefix=/\(bucket)/", "\(url)/_control"])
    return try answer.text.split(separator: "\n").map {
      try JSONDecoder().decode(Request.self, from: Data($0.utf8))
    }.sorted { $0.start < $1.start }
  }

  /// How many round trips came one after another: a request that began when another had ended may
  /// have waited for it.
  public static func waves(_ requests: [Request]) -> Int {
    var waves: [(end: Double, number: Int)] = []
    for request in requests.sorted(by: { $0.start < $1.start }) {
      let before = waves.filter { $0.end <= request.start }.map(\.number).max() ?? 0
      waves.append((request.end, before + 1))
    }
    return waves.map(\.number).max() ?? 0
  }
}

/// A certificate authority of the test's own, and a server's certificate for 127.0.0.1 from it.
public final class TestAuthority: Sendable {
  private let folder: TemporaryFolder
  /// The authority's certificate, for `--ca-bundle`.
  public var bundle: String { folder.path("ca.pem") }
  public var certificate: String { folder.path("server.pem") }
  public var key: String { folder.path("server.key") }

  public init() throws {
    folder = try TemporaryFolder()
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try Tool.check(
      ["openssl", "req", "-x509", "-days", "30", "-subj", "/CN=Test authority"] + curve
        + ["-keyout", "ca.key", "-out", "ca.pem"], in: folder.root)
    try Tool.check(
      ["openssl", "req", "-x509", "-days", "30", "-subj", "/CN=127.0.0.1"] + curve
        + ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
        + ["-addext", "basicConstraints=critical,CA:FALSE"]
        + ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"],
      in: folder.root)
  }
}

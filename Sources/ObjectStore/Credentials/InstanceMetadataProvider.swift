import HTTP
import Posix

/// The metadata service of a virtual machine, version 2: the credentials of the machine's role.
struct InstanceMetadataProvider: CredentialsProvider {
  let client: any HTTPClient
  let environment: StoreEnvironment
  /// Tells whether this can be such a machine, if nobody says that it is.
  var vendor: MachineVendor?

  private static let variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT"

  var name: String { "the instance's metadata" }
  var canChange: Bool { true }

  func find() throws(StoreError) -> Credentials? {
    // Other networks swallow what is sent to the service's address, and each try waits for it.
    guard reasonNotToAsk == nil, let token = try token() else { return nil }
    let folder = "/latest/meta-data/iam/security-credentials/"
    guard let roles = try get(folder, token) else { return nil }
    let role = roles.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard !role.isEmpty else { return nil }
    guard let json = try get(folder + PercentEncoding.encode(role), token) else {
      throw StoreError(.credentials, "\(name) has a role without credentials")
    }
    return try Credentials(
      json: json, token: "Token", needsToken: true, from: name, origin: "the instance's role")
  }

  var tried: String { name + (reasonNotToAsk.map { " (\($0))" } ?? "") }

  private var reasonNotToAsk: String? {
    if environment.isTrue("AWS_EC2_METADATA_DISABLED") {
      return "turned off by AWS_EC2_METADATA_DISABLED"
    }
    guard environment[Self.variable] == nil, environment["\(Self.variable)_MODE"] == nil,
      let other = vendor?.otherThanAmazon
    else { return nil }
    return "not asked: this machine is by \(other.shortened)"
  }

  func region() -> String? {
    guard let token = try? token(),
      let bytes = try? get("/latest/meta-data/placement/region", token)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The token that every other request needs.
  ///
  /// - Returns: `nil` if there is no such service; if somebody named one, that is an error.
  private func token() throws(StoreError) -> String? {
    let (endpoint, isNamed) = try endpoint()
    let header = HTTPHeader("X-aws-ec2-metadata-token-ttl-seconds", "21600")
    let answer: HTTPAnswer
    do throws(HTTPError) {
      answer = try client.sendTwice(request(.put, endpoint + "/latest/api/token", header))
    } catch {
      let isAbsent = [.unreachable, .refused, .unknownHost].contains(error.code)
      guard isNamed || !isAbsent else { return nil }
      throw StoreError(.credentials, "\(name): \(error)")
    }
    let isToken = !answer.body.isEmpty && answer.body.allSatisfy { (0x21...0x7e).contains($0) }
    guard answer.status == 200, isToken else {
      // Something else lives at that address, or only version 1.
      guard isNamed else { return nil }
      throw StoreError(.credentials, "\(name): no token; the answer has status \(answer.status)")
    }
    return String(decoding: answer.body, as: UTF8.self)
  }

  /// - Returns: `nil` if there is nothing under that path.
  private func get(_ path: String, _ token: String) throws(StoreError) -> [UInt8]? {
    let request = try request(
      .get, endpoint().url + path, HTTPHeader("X-aws-ec2-metadata-token", token))
    let answer: HTTPAnswer
    do throws(HTTPError) {
      answer = try client.sendTwice(request)
    } catch {
      throw StoreError(.credentials, "\(name): \(error)")
    }
    if answer.status == 404 { return nil }
    guard answer.status == 200 else {
      throw StoreError(.credentials, "\(name): the service answered with status \(answer.status)")
    }
    return answer.body
  }

  private func request(
    _ method: HTTPRequest.Method, _ url: String, _ header: HTTPHeader
  ) -> HTTPRequest {
    var timeouts = HTTPTimeouts()
    timeouts.connect = 1_000
    timeouts.firstByte = 1_000
    timeouts.stall = 1_000
    var request = HTTPRequest(
      method, url: url, headers: [header], mostBytes: FlatJSON.mostBytes, timeouts: timeouts)
    // A proxy would answer for its own machine, or learn the credentials.
    request.mayUseProxy = false
    return request
  }

  private func endpoint() throws(StoreError) -> (url: String, isNamed: Bool) {
    guard let url = environment[Self.variable] else {
      let mode = environment["\(Self.variable)_MODE"]?.lowercased()
      return (mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254", false)
    }
    return (try EndpointChoice.checked(url, from: Self.variable), true)
  }
}

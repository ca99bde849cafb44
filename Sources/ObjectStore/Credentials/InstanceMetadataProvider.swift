import HTTP
import Posix

/// The metadata service of a virtual machine, version 2: the credentials of the machine's role.
struct InstanceMetadataProvider: CredentialsProvider {
  let client: any HTTPClient
  let environment: StoreEnvironment

  var name: String { "the instance's metadata" }
  var canChange: Bool { true }

  func find() throws(StoreError) -> Credentials? {
    guard !environment.isTrue("AWS_EC2_METADATA_DISABLED"), let token = try token() else {
      return nil
    }
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
      guard isNamed || ![.unreachable, .unknownHost].contains(error.code) else { return nil }
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
    return HTTPRequest(
      method, url: url, headers: [header], mostBytes: FlatJSON.mostBytes, timeouts: timeouts)
  }

  private func endpoint() throws(StoreError) -> (url: String, isNamed: Bool) {
    let variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    guard let url = environment[variable] else {
      let mode = environment["\(variable)_MODE"]?.lowercased()
      return (mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254", false)
    }
    return (try EndpointChoice.checked(url, from: variable), true)
  }
}

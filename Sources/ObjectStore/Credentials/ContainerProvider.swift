import HTTP

/// The service that gives a container its credentials, in ECS and EKS.
struct ContainerProvider: CredentialsProvider {
  let client: any HTTPClient
  let environment: StoreEnvironment

  var name: String { "the container's credentials" }
  var canChange: Bool { true }

  private static let host = "http://169.254.170.2"
  /// Where a token may go without TLS, besides this machine.
  private static let trustedHosts: Set = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]

  func find() throws(StoreError) -> Credentials? {
    guard let url = try url() else { return nil }
    var timeouts = HTTPTimeouts()
    timeouts.connect = 1_000
    timeouts.firstByte = 2_000
    timeouts.stall = 2_000
    var request = HTTPRequest(
      url: url, headers: [HTTPHeader("Accept", "application/json")],
      mostBytes: FlatJSON.mostBytes, timeouts: timeouts)
    request.mayUseProxy = false
    if let token = try token() { request.headers.append(HTTPHeader("Authorization", token)) }
    let answer: HTTPAnswer
    do throws(HTTPError) {
      answer = try client.sendTwice(request)
    } catch {
      throw StoreError(.credentials, "\(name): \(error)")
    }
    guard answer.status == 200 else {
      throw StoreError(.credentials, "\(name): the service answered with status \(answer.status)")
    }
    return try Credentials(
      json: answer.body, token: "Token", needsToken: true, from: name, origin: "the container")
  }

  private func url() throws(StoreError) -> String? {
    if let path = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      guard path.hasPrefix("/"), (try? URLParts(Self.host + path)) != nil else {
        throw StoreError(.invalid, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path of a URL")
      }
      return Self.host + path
    }
    let variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    guard let url = environment[variable] else { return nil }
    guard let parts = try? URLParts(url) else {
      throw StoreError(.invalid, "\(variable) is not a URL")
    }
    guard parts.scheme == .https || parts.isLoopback || Self.trustedHosts.contains(parts.host)
    else {
      throw StoreError(
        .invalid, "\(variable) must be https, or the address of this machine or of a container host"
      )
    }
    return url
  }

  private func token() throws(StoreError) -> String? {
    let variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
    if let file = environment["\(variable)_FILE"] {
      return try readToken(file, environment, from: "\(variable)_FILE")
    }
    guard let token = environment[variable] else { return nil }
    guard token.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw StoreError(.invalid, "\(variable) has characters that no header may have")
    }
    return token
  }
}

extension URLParts {
  /// Whether the host is this machine by its address, or the name that always means it.
  var isLoopback: Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
  }
}

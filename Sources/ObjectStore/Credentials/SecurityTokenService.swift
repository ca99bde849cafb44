import HTTP
import Posix

/// AWS's Security Token Service: credentials of a role.
struct SecurityTokenService {
  let client: any HTTPClient
  let endpoint: String
  let region: String
  let clock: ServiceClock

  /// A role to take on.
  struct Role {
    var name: String
    var session = "autosquash"
    var more: [(name: String, value: String)] = []
    /// What names it, for messages.
    var source: String

    /// For people, by the last part of its name: `arn:aws:iam::123456789012:role/reader`.
    var title: String {
      "the role \(Array((name.split(separator: "/").last ?? "").utf8).shellWord) of \(source)"
    }
  }

  /// Takes on a role with other credentials.
  func assume(_ role: Role, with credentials: Credentials) throws(StoreError) -> Credentials {
    try ask(
      "AssumeRole", role, [], signer: credentials,
      secrets: [
        credentials.secret, credentials.token ?? "",
      ])
  }

  /// Takes on a role with a token of somebody whom AWS trusts, such as Kubernetes.
  func assume(_ role: Role, withWebIdentity token: String) throws(StoreError) -> Credentials {
    try ask(
      "AssumeRoleWithWebIdentity", role, [("WebIdentityToken", token)], signer: nil,
      secrets: [token])
  }

  private func send(
    _ request: HTTPRequest, signer: Credentials?, to service: String
  ) throws(StoreError) -> HTTPAnswer {
    var request = request
    if let signer {
      request = try SignatureV4(
        credentials: signer, region: region, service: .sts, time: clock.now()
      ).sign(request)
    }
    do throws(HTTPError) { return try client.sendTwice(request) } catch {
      throw StoreError(.credentials, "\(service): \(error)")
    }
  }

  private func ask(
    _ action: String, _ role: Role, _ more: [(name: String, value: String)],
    signer: Credentials?, secrets: [String]
  ) throws(StoreError) -> Credentials {
    let fields =
      [
        ("Action", action), ("Version", "2011-06-15"), ("RoleArn", role.name),
        ("RoleSessionName", role.session),
      ] + role.more + more
    let form = fields.map { "\($0.0)=\(PercentEncoding.encode($0.1.utf8))" }
    let request = HTTPRequest(
      .post, url: endpoint + "/",
      headers: [HTTPHeader("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
      body: HTTPBody(Array(form.joined(separator: "&").utf8)), mostBytes: 256 << 10)
    let service = "the token service (\(action) for \(role.source))"
    var answer = try send(request, signer: signer, to: service)
    if signer != nil, clock.adjust(to: answer) {
      answer = try send(request, signer: signer, to: service)
    }
    let root = try? XMLScanner.parse(answer.body)
    guard answer.status == 200 else {
      let error = root?["Error"]
      let text = [error?["Code"], error?["Message"]].compactMap { $0?.string }.joined(
        separator: ": ")
      // A server might repeat what it got.
      let isSafe = !secrets.contains { !$0.isEmpty && text.contains($0.prefix(16)) }
      throw StoreError(
        .credentials,
        "\(service) refused: \(text.isEmpty || !isSafe ? "status \(answer.status)" : text.shortened)"
      )
    }
    guard let found = root?["\(action)Result"]?["Credentials"],
      let accessKey = found["AccessKeyId"], let secret = found["SecretAccessKey"],
      let token = found["SessionToken"], let expiry = found["Expiration"]
    else { throw StoreError(.credentials, "\(service) did not answer with credentials") }
    return try Credentials(
      accessKey: accessKey.string, secret: secret.string, token: token.string,
      expiry: Credentials.expiry(expiry.string, from: service), from: service, origin: role.title)
  }
}

extension SecurityTokenService {
  /// The service as the environment and a profile name it, else that of a region.
  init(
    client: any HTTPClient, environment: StoreEnvironment, profile: Profile, region: String?,
    clock: ServiceClock
  ) throws(StoreError) {
    let region =
      try RegionChoice.named(region, environment, profile)?.value ?? RegionChoice.standard
    let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    let endpoint = try EndpointChoice.named(
      variables: ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"], environment, profile)
    self.init(
      client: client, endpoint: endpoint?.value ?? "https://sts.\(region).\(domain)",
      region: region, clock: clock)
  }
}

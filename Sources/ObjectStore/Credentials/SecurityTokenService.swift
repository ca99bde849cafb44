import HTTP
import Posix

/// AWS's Security Token Service: credentials of a role.
struct SecurityTokenService {
  let client: any HTTPClient
  let endpoint: String
  let region: String
  /// Seconds since 1970.
  let now: @Sendable () -> Int

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
    let signature = SignatureV4(
      credentials: credentials, region: region, service: .sts, time: now())
    return try ask(
      "AssumeRole", role, [], signature: signature,
      secrets: [credentials.secret, credentials.token ?? ""])
  }

  /// Takes on a role with a token of somebody whom AWS trusts, such as Kubernetes.
  func assume(_ role: Role, withWebIdentity token: String) throws(StoreError) -> Credentials {
    try ask(
      "AssumeRoleWithWebIdentity", role, [("WebIdentityToken", token)], signature: nil,
      secrets: [token])
  }

  private func ask(
    _ action: String, _ role: Role, _ more: [(name: String, value: String)],
    signature: SignatureV4?, secrets: [String]
  ) throws(StoreError) -> Credentials {
    let fields =
      [
        ("Action", action), ("Version", "2011-06-15"), ("RoleArn", role.name),
        ("RoleSessionName", role.session),
      ] + role.more + more
    let form = fields.map { "\($0.0)=\(PercentEncoding.encode($0.1.utf8))" }
    var request = HTTPRequest(
      .post, url: endpoint + "/",
      headers: [HTTPHeader("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")],
      body: Array(form.joined(separator: "&").utf8), mostBytes: 256 << 10)
    if let signature { request = try signature.sign(request) }
    let service = "the token service (\(action) for \(role.source))"
    let answer: HTTPAnswer
    do throws(HTTPError) {
      answer = try client.sendTwice(request)
    } catch {
      throw StoreError(.credentials, "\(service): \(error)")
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
    now: @escaping @Sendable () -> Int
  ) throws(StoreError) {
    let region =
      try RegionChoice.named(region, environment, profile)?.value ?? RegionChoice.standard
    let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    let endpoint = try EndpointChoice.named(
      variables: ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"], environment, profile)
    self.init(
      client: client, endpoint: endpoint?.value ?? "https://sts.\(region).\(domain)",
      region: region,
      now: now)
  }
}

import HTTP

/// A role for a token in a file, as Kubernetes sets it up in the environment.
struct WebIdentityProvider: CredentialsProvider {
  let client: any HTTPClient
  let environment: StoreEnvironment
  let region: String?
  let clock: ServiceClock

  var name: String { "web identity" }
  var canChange: Bool { true }

  func find() throws(StoreError) -> Credentials? {
    guard let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] else { return nil }
    guard let role = environment["AWS_ROLE_ARN"] else {
      throw StoreError(.credentials, "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN")
    }
    let profile = try SharedConfiguration(environment).profile(named: nil, environment)
    let service = try SecurityTokenService(
      client: client, environment: environment, profile: profile, region: region, clock: clock)
    let source = "AWS_ROLE_ARN"
    return try service.assume(
      SecurityTokenService.Role(
        name: role, session: environment["AWS_ROLE_SESSION_NAME"] ?? "autosquash", source: source),
      withWebIdentity: readToken(file, environment, from: "AWS_WEB_IDENTITY_TOKEN_FILE"))
  }
}

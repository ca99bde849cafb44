/// Keys in the environment.
struct EnvironmentProvider: CredentialsProvider {
  let environment: StoreEnvironment

  var name: String { "the environment" }
  var canChange: Bool { false }

  func find() throws(StoreError) -> Credentials? {
    let accessKey = environment["AWS_ACCESS_KEY_ID"]
    let secret = environment["AWS_SECRET_ACCESS_KEY"]
    if accessKey == nil && secret == nil { return nil }
    guard let accessKey, let secret else {
      throw StoreError(
        .credentials,
        "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both or none")
    }
    return try Credentials(
      accessKey: accessKey, secret: secret,
      token: environment["AWS_SESSION_TOKEN"] ?? environment["AWS_SECURITY_TOKEN"],
      expiry: Credentials.expiry(environment["AWS_CREDENTIAL_EXPIRATION"], from: name), from: name)
  }
}

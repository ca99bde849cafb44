import TestSupport
import Testing

@testable import ObjectStore

@Suite struct SecretsTests {
  @Test func noDescriptionShowsASecret() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path(".aws")])
    try folder.write(
      ".aws/credentials",
      Array("[default]\naws_access_key_id = AKIAVISIBLE1234\naws_secret_access_key = hidden\n".utf8)
    )
    let environment = StoreEnvironment(["AWS_SECRET_ACCESS_KEY": "hidden"], home: folder.root)
    let configuration = try SharedConfiguration(environment)
    let profile = try configuration.profile(named: nil, environment)
    let credentials = try Credentials(
      accessKey: "AKIAVISIBLE1234", secret: "hidden", token: "hidden", from: "a test")
    let signature = SignatureV4(
      credentials: credentials, region: "r", service: .s3, time: 0)
    let chain = CredentialsChain(
      [EnvironmentProvider(environment: environment)], clock: ServiceClock { 0 })
    let values: [Any] = [
      environment, configuration, profile, credentials, signature, chain, [credentials],
      ["x": credentials], credentials as Any?, EnvironmentProvider(environment: environment),
    ]
    for value in values {
      var dumped = ""
      dump(value, to: &dumped)
      for text in ["\(value)", String(reflecting: value), dumped] {
        #expect(!text.contains("hidden") && !text.contains("VISIBLE"), "\(type(of: value))")
      }
    }
    #expect("\(credentials)" == "…1234")
  }
}

import TestSupport
import Testing

@testable import ObjectStore

/// What people are told about where credentials come from: the place, and nothing secret.
@Suite struct CredentialsOriginTests {
  private static let config = """
    [profile keys]
    aws_access_key_id = AKIAKEYS
    aws_secret_access_key = hidden
    [profile taken]
    role_arn = arn:aws:iam::123456789012:role/lab/reader
    source_profile = keys
    [profile program]
    credential_process = echo '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "hidden"}'
    """

  @Test(
    arguments: [
      (nil, ["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "hidden"], "the environment"),
      ("keys", [:], "the profile keys"), (nil, ["AWS_PROFILE": "keys"], "the profile keys"),
      ("taken", [:], "the role reader of the profile taken"),
      ("program", [:], "credential_process of the profile program"),
      (
        nil, ["AWS_WEB_IDENTITY_TOKEN_FILE": "~/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod"],
        "the role pod of AWS_ROLE_ARN"
      ),
      (nil, ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c"], "the container"),
      (nil, [:], "the instance's role"),
    ] as [(String?, [String: String], String)])
  func origins(profile: String?, variables: [String: String], origin: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path(".aws")])
    try folder.write(".aws/config", Array(Self.config.utf8))
    try folder.write("token", Array("web".utf8))
    let client = FakeClient { request in
      if request.form.contains("AssumeRoleWithWebIdentity") {
        return tokenServiceAnswer("AssumeRoleWithWebIdentity")
      }
      if request.form.contains("AssumeRole") { return tokenServiceAnswer("AssumeRole") }
      if request.url.hasSuffix("/token") { return .text("mt") }
      return request.url.hasSuffix("/") ? .text("r") : jsonAnswer()
    }
    let chain = CredentialsChain(
      client: client, environment: StoreEnvironment(variables, home: folder.root),
      profile: profile, region: nil, clock: ServiceClock { 1_700_000_000 })
    #expect(try chain.origin() == origin)
  }

  @Test func withoutSignaturesThereIsNone() throws { #expect(try Unsigned().origin() == nil) }
}

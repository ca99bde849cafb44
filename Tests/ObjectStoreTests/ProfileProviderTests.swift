import HTTP
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct ProfileProviderTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path(".aws")])
  }

  private func find(
    _ config: String, profile: String? = nil, _ client: FakeClient = .offline,
    _ variables: [String: String] = [:]
  ) throws -> Credentials? {
    try folder.write(".aws/config", Array(config.utf8))
    return try ProfileProvider(
      client: client, environment: StoreEnvironment(variables, home: folder.root),
      profile: profile, region: nil, clock: ServiceClock { 1_700_000_000 }
    ).find()
  }

  private static let keys = "aws_access_key_id = AKIABASE\naws_secret_access_key = hidden\n"

  @Test func keysOfAProfile() throws {
    let found = try find("[default]\n\(Self.keys)aws_session_token = t\n")
    #expect(found?.accessKey == "AKIABASE" && found?.secret == "hidden" && found?.token == "t")
    #expect(try find("[default]\n[profile p]\n\(Self.keys)", profile: "p")?.token == nil)
    #expect(
      try find("[profile p]\n\(Self.keys)", .offline, ["AWS_PROFILE": "p"])?.accessKey
        == "AKIABASE")
  }

  @Test func aProfileWithoutCredentialsIsNotSetUp() throws {
    #expect(try find("[default]\nregion = eu-west-1\n") == nil)
    #expect(try find("") == nil)
  }

  // MARK: Roles

  private static func role(_ request: HTTPRequest) -> HTTPAnswer {
    tokenServiceAnswer("AssumeRole", token: "st")
  }

  @Test func aRoleIsTakenOnWithTheKeysOfItsSource() throws {
    let client = FakeClient { Self.role($0) }
    let found = try find(
      """
      [profile r]
      role_arn = arn:aws:iam::1:role/r
      source_profile = base
      external_id = e&1
      duration_seconds = 900
      role_session_name = me
      region = eu-west-1
      [profile base]
      \(Self.keys)
      """, profile: "r", client)
    #expect(found?.accessKey == "ASIAROLE" && found?.token == "st")
    let request = try #require(client.requests.first)
    #expect(request.url == "https://sts.eu-west-1.amazonaws.com/")
    #expect(
      request.form
        == "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
        + "&RoleSessionName=me&ExternalId=e%261&DurationSeconds=900")
    #expect(
      request.header("Authorization")?.hasPrefix(
        "AWS4-HMAC-SHA256 Credential=AKIABASE/20231114/eu-west-1/sts/aws4_request, ") == true)
  }

  @Test func rolesFollowEachOther() throws {
    let client = FakeClient { Self.role($0) }
    _ = try find(
      """
      [profile a]
      role_arn = A
      source_profile = b
      [profile b]
      role_arn = B
      source_profile = c
      [profile c]
      \(Self.keys)
      """, profile: "a", client)
    #expect(client.requests.map { $0.form.contains("RoleArn=B&") } == [true, false])
    #expect(client.requests.map { $0.header("x-amz-security-token") } == [nil, "st"])
  }

  @Test func aProfileMayBeItsOwnSource() throws {
    let client = FakeClient { Self.role($0) }
    let found = try find(
      "[default]\nrole_arn = A\nsource_profile = default\n\(Self.keys)", client)
    #expect(found?.accessKey == "ASIAROLE")
  }

  @Test func aRoleMayStartFromTheMachinesCredentials() throws {
    let variables = ["AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "hidden"]
    let client = FakeClient { Self.role($0) }
    _ = try find(
      "[default]\nrole_arn = A\ncredential_source = Environment\n", client, variables)
    #expect(client.requests[0].header("Authorization")?.contains("AKIAENV") == true)
    let container = FakeClient {
      $0.url == "http://169.254.170.2/c" ? jsonAnswer("ASIACONTAINER") : Self.role($0)
    }
    _ = try find(
      "[default]\nrole_arn = A\ncredential_source = EcsContainer\n", container,
      ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c"])
    #expect(container.requests[1].header("Authorization")?.contains("ASIACONTAINER") == true)
  }

  @Test func aProfileMayUseWebIdentity() throws {
    try folder.write("token", Array("web".utf8))
    let client = FakeClient { _ in tokenServiceAnswer("AssumeRoleWithWebIdentity") }
    let found = try find(
      "[default]\nrole_arn = A\nweb_identity_token_file = ~/token\n", client)
    #expect(found?.accessKey == "ASIAROLE")
    #expect(client.requests[0].form.hasSuffix("&WebIdentityToken=web"))
  }

  @Test(arguments: [
    ("aws_access_key_id = A\n", "only one of"),
    ("aws_secret_access_key = hidden\n", "only one of"),
    ("role_arn = A\n", "needs one of source_profile and credential_source"),
    ("role_arn = A\nsource_profile = x\ncredential_source = Environment\n", "needs one of"),
    ("role_arn = A\nsource_profile = missing\n", "there is no profile missing"),
    ("role_arn = A\nsource_profile = default\n", "leads back to itself"),
    (
      "role_arn = A\nsource_profile = loop\n[profile loop]\nrole_arn = B\nsource_profile = default\n",
      "leads back"
    ),
    ("role_arn = A\nsource_profile = e\n[profile e]\nregion = r\n", "has no credentials"),
    ("role_arn = A\ncredential_source = Nothing\n", "must be Environment, EcsContainer or"),
    ("role_arn = A\ncredential_source = Environment\n", "has no credentials"),
    ("role_arn = A\nsource_profile = e\nmfa_serial = m\n", "aws configure export-credentials"),
    ("web_identity_token_file = /etc/hostname\n", "without role_arn"),
    ("role_arn = A\nweb_identity_token_file = /nonexistent\n", "/nonexistent"),
    ("sso_session = s\nsso_account_id = 1\n", "aws configure export-credentials"),
    ("sso_start_url = https://x\n", "uses SSO"),
    ("credential_process = \n[profile x]\n = y\n", "has no name"),
    ("role_arn = A\nsource_profile = x\nregion = a/b\n[profile x]\n\(keys)", "is not a region"),
  ])
  func aBrokenProfileIsAnError(settings: String, part: String) {
    let client = FakeClient { Self.role($0) }
    let error = #expect(throws: StoreError.self) { try find("[default]\n\(settings)", client) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("hidden") == false)
    #expect(client.requests.isEmpty)
  }

  private func find(
    _ config: String, _ client: FakeClient, _ variables: [String: String] = [:]
  ) throws -> Credentials? { try find(config, profile: nil, client, variables) }

  // MARK: Programs

  @Test func aProgramPrintsCredentials() throws {
    try folder.write(
      "my program",
      Array(
        """
        #!/bin/sh
        [ "$1" = 'two words' ] && [ "$2" = '$HOME;*' ] || exit 1
        echo '{"Version": 1, "AccessKeyId": "ASIAPROGRAM", "SecretAccessKey": "hidden",'
        echo ' "SessionToken": "t", "Expiration": "2100-01-01T00:00:00+00:00"}'
        """.utf8))
    try Tool.check(["chmod", "755", folder.path("my program")])
    let found = try find(
      "[default]\ncredential_process = '\(folder.path("my program"))' \"two words\" $HOME;*\n")
    #expect(found?.accessKey == "ASIAPROGRAM" && found?.token == "t")
    #expect(found?.expiry == 4_102_444_800)
  }

  @Test(arguments: [
    ("false", "failed with status 1"), ("/nonexistent/program hidden", "cannot run"),
    ("echo hidden", "did not print"), ("echo '{}'", "did not print"), ("true", "did not print"),
    (#"echo '{"Version": 2, "AccessKeyId": "A", "SecretAccessKey": "hidden"}'"#, "version 1"),
    (#"echo '{"Version": 1, "SecretAccessKey": "hidden"}'"#, "lacks AccessKeyId"),
    ("'unfinished", "quotation mark"), ("''", "is empty"), ("yes hidden", "printed too much"),
    ("sh -c 'kill -9 $$'", "status 137"),
  ])
  func aProgramThatFailsIsAnError(command: String, part: String) {
    let error = #expect(throws: StoreError.self) {
      try find("[default]\ncredential_process = \(command)\n")
    }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("hidden") == false)
  }

  @Test(arguments: ["sleep 3600", "sh -c 'exec >&-; exec sleep 3600'"])
  func aProgramThatHangsIsEnded(command: String) {
    let error = #expect(throws: StoreError.self) {
      try CredentialProcess.run(command, seconds: 1, from: "a test")
    }
    #expect(error?.message.contains("did not end within 1 seconds") == true)
  }
}

import HTTP
import Posix
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct CredentialsProviderTests {
  // MARK: The environment

  @Test func keysInTheEnvironment() throws {
    let provider = EnvironmentProvider(
      environment: .only([
        "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t",
        "AWS_CREDENTIAL_EXPIRATION": "2100-01-01T00:00:00Z",
      ]))
    let found = try #require(try provider.find())
    #expect(found.accessKey == "AKIA" && found.secret == "s" && found.token == "t")
    #expect(found.expiry == 4_102_444_800)
  }

  @Test func anEmptyEnvironmentIsNotSetUp() throws {
    #expect(try EnvironmentProvider(environment: .only([:])).find() == nil)
    let empty = ["AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""]
    #expect(try EnvironmentProvider(environment: .only(empty)).find() == nil)
  }

  @Test(arguments: [
    ["AWS_ACCESS_KEY_ID": "AKIA"], ["AWS_SECRET_ACCESS_KEY": "hidden"],
    ["AWS_ACCESS_KEY_ID": "AK\r\nX: y", "AWS_SECRET_ACCESS_KEY": "hidden"],
    ["AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_SESSION_TOKEN": "a\nb"],
    [
      "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hidden",
      "AWS_CREDENTIAL_EXPIRATION": "soon",
    ],
  ])
  func aBrokenEnvironmentIsAnError(variables: [String: String]) {
    let error = #expect(throws: StoreError.self) {
      try EnvironmentProvider(environment: .only(variables)).find()
    }
    #expect(error?.code == .credentials)
    #expect(error?.message.contains("hidden") == false)
  }

  // MARK: The container

  private static let fullURI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
  private static let relativeURI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"

  @Test func aContainerAsksItsHost() throws {
    let client = FakeClient { _ in jsonAnswer() }
    let found = try ContainerProvider(
      client: client, environment: .only([Self.relativeURI: "/v2/credentials/x?id=1"])
    ).find()
    #expect(found?.accessKey == "ASIAJSON" && found?.token == "jt")
    #expect(client.requests.map(\.url) == ["http://169.254.170.2/v2/credentials/x?id=1"])
    #expect(client.requests[0].header("Authorization") == nil)
  }

  @Test func aContainersTokenGoesAlong() throws {
    let folder = try TemporaryFolder()
    try folder.write("token", Array("from-file\n".utf8))
    let client = FakeClient { _ in jsonAnswer() }
    var variables = [
      Self.fullURI: "http://127.0.0.1:1/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "given",
    ]
    _ = try ContainerProvider(client: client, environment: .only(variables)).find()
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder.path("token")
    _ = try ContainerProvider(client: client, environment: .only(variables)).find()
    #expect(client.requests.map { $0.header("Authorization") } == ["given", "from-file"])
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder.path("missing")
    #expect(throws: StoreError.self) {
      try ContainerProvider(client: client, environment: .only(variables)).find()
    }
  }

  @Test(arguments: [
    ("http://127.0.0.1/x", true), ("http://127.8.0.1:99/x", true), ("http://localhost/x", true),
    ("http://[::1]:8/x", true), ("http://169.254.170.2/x", true),
    ("http://169.254.170.23/v1/credentials", true), ("http://[fd00:ec2::23]/x", true),
    ("https://example.org/x", true), ("http://example.org/x", false),
    ("http://127.0.0.1.example.org/x", false), ("http://localhost.example.org/x", false),
    ("http://127.0.0/x", false), ("http://127.0.0.256/x", false), ("http://10.0.0.1/x", false),
    ("http://127.0.0.1@example.org/x", false), ("ftp://127.0.0.1/x", false), ("127.0.0.1", false),
  ])
  func onlyTrustedHostsAreAskedWithoutTLS(url: String, isAsked: Bool) {
    let client = FakeClient { _ in jsonAnswer() }
    _ = try? ContainerProvider(client: client, environment: .only([Self.fullURI: url])).find()
    #expect(client.requests.map(\.url) == (isAsked ? [url] : []))
  }

  @Test(arguments: ["@example.org/", ".example.org/", "x", ":80/", "/a b", "/\n"])
  func aRelativeURICannotNameAnotherHost(path: String) {
    let client = FakeClient { _ in jsonAnswer() }
    let provider = ContainerProvider(client: client, environment: .only([Self.relativeURI: path]))
    #expect(throws: StoreError.self) { try provider.find() }
    #expect(client.requests.isEmpty)
  }

  // MARK: The instance

  private static func instance(_ request: HTTPRequest) -> HTTPAnswer {
    let folder = "http://169.254.169.254/latest/"
    let isAllowed = request.header("X-aws-ec2-metadata-token") == "mt"
    switch (request.method, request.url, isAllowed) {
    case (.put, "\(folder)api/token", _): return .text("mt")
    case (.get, "\(folder)meta-data/iam/security-credentials/", true): return .text("my role\n")
    case (.get, "\(folder)meta-data/iam/security-credentials/my%20role", true):
      return jsonAnswer("ASIAINSTANCE")
    case (.get, "\(folder)meta-data/placement/region", true): return .text("eu-north-1")
    default: return .text("", status: 401)
    }
  }

  @Test func anInstanceAsksItsMetadata() throws {
    let client = FakeClient { Self.instance($0) }
    let provider = InstanceMetadataProvider(client: client, environment: .only([:]))
    #expect(try provider.find()?.accessKey == "ASIAINSTANCE")
    #expect(provider.region() == "eu-north-1")
    #expect(client.requests.allSatisfy { $0.timeouts.connect == 1_000 })
  }

  @Test func noInstanceIsNotSetUp() throws {
    let client = FakeClient.offline
    #expect(try InstanceMetadataProvider(client: client, environment: .only([:])).find() == nil)
    #expect(client.requests.count == 2)
    let disabled = FakeClient { Self.instance($0) }
    let environment = StoreEnvironment.only(["AWS_EC2_METADATA_DISABLED": "True"])
    #expect(try InstanceMetadataProvider(client: disabled, environment: environment).find() == nil)
    #expect(disabled.requests.isEmpty)
  }

  /// Files of the firmware, variables, and whether the service is asked; where there is none, that
  /// costs two seconds.
  @Test(arguments: [
    (["sys_vendor": "Amazon EC2"], [:], true),
    (["sys_vendor": "Xen", "bios_version": "4.11.amazon"], [:], true),
    (["sys_vendor": "?", "board_asset_tag": "i-0123456789abcdef0"], [:], true),
    ([:], [:], true),
    (["sys_vendor": "QEMU", "bios_version": "1.16"], [:], false),
    (["sys_vendor": "LENOVO", "board_asset_tag": "inventory"], [:], false),
    (["sys_vendor": "QEMU"], ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"], true),
    (["sys_vendor": "QEMU"], ["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv6"], true),
    (["sys_vendor": "Amazon EC2"], ["AWS_EC2_METADATA_DISABLED": "true"], false),
  ])
  func otherMachinesAreNotAskedForMetadata(
    files: [String: String], variables: [String: String], isAsked: Bool
  ) throws {
    let folder = try TemporaryFolder()
    for (name, text) in files { try folder.write(name, Array("\(text)\n".utf8)) }
    let client = FakeClient.offline
    let chain = CredentialsChain(
      client: client, environment: .only(variables), profile: nil, region: nil,
      clock: ServiceClock(), vendor: MachineVendor(folder: HostPath(folder.root)))
    let error = #expect(throws: StoreError.self) { try chain.current() }
    #expect(client.requests.isEmpty == !isAsked)
    let reason =
      variables["AWS_EC2_METADATA_DISABLED"] == nil
      ? "not asked: this machine is by \(files["sys_vendor"] ?? "")"
      : "turned off by AWS_EC2_METADATA_DISABLED"
    #expect(error?.message.contains("the instance's metadata (\(reason))") == !isAsked)
  }

  @Test func aNamedMetadataServiceMustAnswer() {
    let environment = StoreEnvironment.only([
      "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1/"
    ])
    let client = FakeClient.offline
    #expect(throws: StoreError.self) {
      try InstanceMetadataProvider(client: client, environment: environment).find()
    }
    #expect(client.requests.map(\.url).first == "http://127.0.0.1:1/latest/api/token")
  }

  @Test func anInstanceWithoutRoleIsNotSetUp() throws {
    let client = FakeClient {
      $0.method == .put ? .text("mt") : .text("", status: 404)
    }
    #expect(try InstanceMetadataProvider(client: client, environment: .only([:])).find() == nil)
  }

  @Test func aServerThatFailsOnceIsAskedAgain() throws {
    let client = FakeClient { request in
      request.method == .put ? .text("", status: 503) : Self.instance(request)
    }
    #expect(try InstanceMetadataProvider(client: client, environment: .only([:])).find() == nil)
    #expect(client.requests.count == 2)
  }

  // MARK: Answers

  /// What any service may answer instead of credentials.
  @Test(arguments: [
    HTTPAnswer.text("garbage"), .text(""), .text("{}"), .text("<html/>"), .text("", status: 403),
    .text("", status: 500), .text(#"{"AccessKeyId": "A", "SecretAccessKey": "hidden"}"#),
    .text(#"{"AccessKeyId": "A", "SecretAccessKey": "hidden", "Token": ""}"#),
    .text(#"{"AccessKeyId": "A", "SecretAccessKey": "hidden", "Token": "t\n"}"#),
    .text(#"{"AccessKeyId": "A", "SecretAccessKey": "hidden", "Token": "t", "Expiration": "x"}"#),
    .text(#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "hidden"}"#),
  ])
  func garbageIsAnError(answer: HTTPAnswer) {
    let container = ContainerProvider(
      client: FakeClient { _ in answer }, environment: .only([Self.relativeURI: "/x"]))
    let instance = InstanceMetadataProvider(
      client: FakeClient { $0.url.hasSuffix("role") ? answer : Self.instance($0) },
      environment: .only([:]))
    let identity = WebIdentityProvider(
      client: FakeClient { _ in answer },
      environment: .only(["AWS_WEB_IDENTITY_TOKEN_FILE": "/etc/hostname", "AWS_ROLE_ARN": "arn"]),
      region: nil, clock: ServiceClock { 0 })
    for provider in [container, instance, identity] as [any CredentialsProvider] {
      let error = #expect(throws: StoreError.self) { try provider.find() }
      #expect(error?.code == .credentials)
      #expect(error?.message.contains("hidden") == false)
    }
  }

  @Test func aServiceThatDoesNotAnswerIsAnError() {
    let container = ContainerProvider(
      client: FakeClient.offline, environment: .only([Self.relativeURI: "/x"]))
    let instance = InstanceMetadataProvider(
      client: FakeClient { (request) throws(HTTPError) in
        guard request.method == .put else { throw HTTPError(.unreachable, "too slow") }
        return .text("mt")
      }, environment: .only([:]))
    #expect(throws: StoreError.self) { try container.find() }
    #expect(throws: StoreError.self) { try instance.find() }
  }
}

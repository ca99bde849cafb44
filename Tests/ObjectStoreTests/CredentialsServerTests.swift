import HTTP
import Synchronization
import TestSupport
import Testing

@testable import ObjectStore

/// The services as programs of their own, on the loopback device.
@Suite struct CredentialsServerTests {
  private let folder: TemporaryFolder
  private let server: CredentialsServer

  init() throws {
    folder = try TemporaryFolder()
    server = try CredentialsServer(accessKey: "AKIASERVER", secret: "server/secret+")
  }

  private func chain(
    _ variables: [String: String], clock: ServiceClock = ServiceClock()
  ) -> CredentialsChain {
    CredentialsChain(
      client: Transport(), environment: StoreEnvironment(variables, home: folder.root),
      profile: nil, region: nil, clock: clock)
  }

  @Test func instanceMetadata() throws {
    let chain = chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url])
    let found = try chain.current()
    #expect(found.accessKey == "AKIASERVER" && found.secret == "server/secret+")
    #expect(found.token == "session-1")
    #expect(try #require(found.expiry) > Timestamp.now() + 3000)
    #expect(chain.region() == "eu-north-1")
  }

  @Test func container() throws {
    var variables = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)/container"]
    #expect(throws: StoreError.self) { try chain(variables).current() }
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "container-token"
    #expect(try chain(variables).current().token == "session-1")
  }

  @Test func webIdentity() throws {
    try folder.write("token", Array("web-token\n".utf8))
    let variables = [
      "AWS_WEB_IDENTITY_TOKEN_FILE": folder.path("token"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
      "AWS_ENDPOINT_URL_STS": server.url,
    ]
    #expect(try chain(variables).current().token == "session-1")
    try folder.write("token", Array("other".utf8))
    let error = #expect(throws: StoreError.self) { try chain(variables).current() }
    #expect(error?.message.contains("AccessDenied") == true)
  }

  /// The service compares the signature with botocore's, and the time with its own.
  @Test(arguments: [
    ("server/secret+", 0, true), ("server/secret+", -7_200, true), ("other", 0, false),
  ])
  func aRoleWithKeys(secret: String, ahead: Int, isRight: Bool) throws {
    try Tool.check(["mkdir", folder.path(".aws")])
    try folder.write(
      ".aws/config",
      Array(
        """
        [default]
        role_arn = arn:aws:iam::1:role/r
        source_profile = base
        [profile base]
        aws_access_key_id = AKIASERVER
        aws_secret_access_key = \(secret)
        aws_session_token = a/b+c==
        """.utf8))
    let chain = chain(
      ["AWS_ENDPOINT_URL_STS": server.url], clock: ServiceClock { Timestamp.now() + ahead })
    #expect((try? chain.current().token) == (isRight ? "session-1" : nil))
  }

  /// The store says that they have expired: others are fetched, once.
  @Test(arguments: [1, 0]) func refusedCredentialsAreFetchedAgainOnce(times: Int) throws {
    let objects = try FaultServer()
    try folder.write("object", Array("contents".utf8))
    try objects.put("bucket", "object", file: folder.path("object"))
    try objects.fail(
      "bucket", [#""fault": "status", "status": 400, "code": "ExpiredToken", "times": \#(times)"#])
    // Ten seconds a look: what was fetched a moment ago is not fetched again.
    let looks = Atomic(0)
    let clock = ServiceClock {
      Timestamp.now() + 10 * looks.add(1, ordering: .relaxed).newValue
    }
    let chain = chain(
      [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
      ], clock: clock)
    let store = Store(RetryingClient(Transport()), signer: chain) {
      Store.Place(region: "us-east-1", endpoint: objects.url)
    }
    let location = ObjectLocation.bucket("bucket", key: Array("object".utf8))
    let answer = try store.get(location, mostBytes: 100)
    #expect(answer.status == (times == 1 ? 200 : 400))
    if times == 0 {
      #expect(StoreFault(answer).error(about: location).message.contains("have expired"))
    }
    #expect(try server.requests() == ["GET /container 200", "GET /container 200"])
    #expect(try objects.requests("bucket").count == 2)
  }
}

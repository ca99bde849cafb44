import Foundation
import HTTP
import TestSupport
import Testing

@testable import ObjectStore

/// The services as programs of their own, on the loopback device.
@Suite struct CredentialsServerTests {
  private let folder: TemporaryFolder
  private let server: Daemon
  private let address: String

  init() throws {
    let folder = try TemporaryFolder()
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let server = try Daemon(
      [
        package.appendingPathComponent(".build/python/bin/python3").path,
        package.appendingPathComponent("Tests/TestSupport/Servers/credentials.py").path,
        "AKIASERVER", "server/secret+", "3600",
      ], log: folder.path("log"))
    try #require(eventually { server.text.hasSuffix("\n") }, "\(server.text)")
    self.folder = folder
    self.server = server
    address = server.text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func chain(_ variables: [String: String]) -> CredentialsChain {
    CredentialsChain(
      client: CurlClient(), environment: StoreEnvironment(variables, home: folder.root),
      profile: nil, region: nil)
  }

  @Test func instanceMetadata() throws {
    let chain = chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT": address])
    let found = try chain.current()
    #expect(found.accessKey == "AKIASERVER" && found.secret == "server/secret+")
    #expect(found.token == "session-1")
    #expect(try #require(found.expiry) > Timestamp.now() + 3000)
    #expect(chain.region() == "eu-north-1")
  }

  @Test func container() throws {
    var variables = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(address)/container"]
    #expect(throws: StoreError.self) { try chain(variables).current() }
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "container-token"
    #expect(try chain(variables).current().token == "session-1")
  }

  @Test func webIdentity() throws {
    try folder.write("token", Array("web-token\n".utf8))
    let variables = [
      "AWS_WEB_IDENTITY_TOKEN_FILE": folder.path("token"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
      "AWS_ENDPOINT_URL_STS": address,
    ]
    #expect(try chain(variables).current().token == "session-1")
    try folder.write("token", Array("other".utf8))
    let error = #expect(throws: StoreError.self) { try chain(variables).current() }
    #expect(error?.message.contains("AccessDenied") == true)
  }

  /// The service compares the signature with botocore's.
  @Test(arguments: [("server/secret+", true), ("other", false)])
  func aRoleWithKeys(secret: String, isRight: Bool) throws {
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
    let chain = chain(["AWS_ENDPOINT_URL_STS": address])
    #expect((try? chain.current().token) == (isRight ? "session-1" : nil))
  }
}

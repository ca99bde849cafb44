import HTTP
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct WebIdentityTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("token", Array("web+token/1\n".utf8))
  }

  private func provider(
    _ client: FakeClient, _ variables: [String: String], region: String? = nil
  ) -> WebIdentityProvider {
    WebIdentityProvider(
      client: client,
      environment: .only(
        variables.merging(["AWS_WEB_IDENTITY_TOKEN_FILE": folder.path("token")]) { $1 }),
      region: region, clock: ServiceClock { 0 })
  }

  @Test func theTokenIsExchangedForTheRole() throws {
    let client = FakeClient { _ in tokenServiceAnswer("AssumeRoleWithWebIdentity") }
    let found = try provider(
      client, ["AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_ROLE_SESSION_NAME": "me"]
    ).find()
    #expect(found?.accessKey == "ASIAROLE" && found?.token == "st")
    #expect(found?.expiry == 4_102_444_800)
    let request = try #require(client.requests.first)
    #expect(request.method == .post && request.url == "https://sts.us-east-1.amazonaws.com/")
    #expect(request.header("Authorization") == nil)
    #expect(
      request.form
        == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
        + "&RoleSessionName=me&WebIdentityToken=web%2Btoken%2F1")
  }

  @Test(arguments: [
    (["AWS_REGION": "eu-west-1"], "https://sts.eu-west-1.amazonaws.com/"),
    (["AWS_REGION": "cn-north-1"], "https://sts.cn-north-1.amazonaws.com.cn/"),
    (["AWS_ENDPOINT_URL": "http://127.0.0.1:9/"], "http://127.0.0.1:9/"),
    (["AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_STS": "http://b"], "http://b/"),
  ])
  func theServiceIsThatOfTheRegionOrTheEndpoint(
    variables: [String: String], url: String
  ) throws {
    let client = FakeClient { _ in tokenServiceAnswer("AssumeRoleWithWebIdentity") }
    _ = try provider(client, variables.merging(["AWS_ROLE_ARN": "arn"]) { $1 }).find()
    #expect(client.requests.map(\.url) == [url])
  }

  @Test func withoutTheVariableItIsNotSetUp() throws {
    let client = FakeClient.offline
    let provider = WebIdentityProvider(
      client: client, environment: .only(["AWS_ROLE_ARN": "arn"]), region: nil,
      clock: ServiceClock { 0 })
    #expect(try provider.find() == nil)
    #expect(client.requests.isEmpty)
  }

  @Test func anIncompleteSetUpIsAnError() throws {
    let client = FakeClient { _ in tokenServiceAnswer("AssumeRoleWithWebIdentity") }
    #expect(throws: StoreError.self) { try provider(client, [:]).find() }
    for content in ["", "\n", "a\nb\n", "a\u{1}", "ä"] {
      try folder.write("token", Array(content.utf8))
      #expect(throws: StoreError.self) { try provider(client, ["AWS_ROLE_ARN": "arn"]).find() }
    }
    #expect(client.requests.isEmpty)
  }

  @Test func aRefusalIsShownUnlessItRepeatsTheToken() throws {
    let refusal = FakeClient { _ in
      .text(
        "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>is\nold</Message></Error></ErrorResponse>",
        status: 400)
    }
    let error = #expect(throws: StoreError.self) {
      try provider(refusal, ["AWS_ROLE_ARN": "arn"]).find()
    }
    #expect(error?.message.contains(#"ExpiredToken: is\nold"#) == true)
    let echo = FakeClient { _ in
      .text(
        "<ErrorResponse><Error><Code>No</Code><Message>web+token/1 is bad</Message></Error></ErrorResponse>",
        status: 400)
    }
    let other = #expect(throws: StoreError.self) {
      try provider(echo, ["AWS_ROLE_ARN": "arn"]).find()
    }
    #expect(other?.message.contains("web+token") == false)
    #expect(other?.message.contains("status 400") == true)
  }
}

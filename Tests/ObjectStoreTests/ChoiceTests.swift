import Foundation
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct ChoiceTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path(".aws")])
    try folder.write(
      ".aws/config",
      Array(
        """
        [default]
        region = default-region
        endpoint_url = http://default:9000/
        [profile p]
        region = p-region
        endpoint_url = http://p
        [profile none]
        """.utf8))
  }

  @Test func theEnvironmentIsThatOfTheProcess() {
    let variables = ProcessInfo.processInfo.environment
    let environment = StoreEnvironment.current()
    #expect(environment["PATH"] == nil)
    #expect(environment.home == variables["HOME"])
    for (name, value) in variables where name.hasPrefix("AWS_") && !value.isEmpty {
      #expect(environment[name] == value)
    }
  }

  @Test(
    arguments: [
      ("o-1", "p", ["AWS_REGION": "a"], "o-1"), (nil, "p", ["AWS_REGION": "a"], "a"),
      (nil, nil, ["AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"], "a"),
      (nil, nil, ["AWS_DEFAULT_REGION": "b"], "b"),
      (nil, nil, ["AWS_REGION": ""], "default-region"),
      (nil, "p", [:], "p-region"), (nil, nil, ["AWS_PROFILE": "p"], "p-region"),
      (nil, "none", [:], "us-east-1"),
    ] as [(String?, String?, [String: String], String)])
  func theRegion(
    option: String?, profile: String?, variables: [String: String], region: String
  ) throws {
    let environment = StoreEnvironment(variables, home: folder.root)
    #expect(
      try RegionChoice.region(
        option: option, profile: profile, environment, credentials: nil
      ).value == region)
  }

  @Test(arguments: [
    "", "a b", "a.example.org/", "a/b", "a@b", "ä", String(repeating: "a", count: 64),
  ])
  func whatIsNoRegionIsRefused(region: String) {
    #expect(throws: StoreError.self) {
      try RegionChoice.region(option: region, profile: nil, .only([:]), credentials: nil)
    }
  }

  /// An instance's role comes with the instance's region; other credentials do not ask for it.
  @Test func theInstancesRegionGoesWithItsRole() throws {
    let client = FakeClient { request in
      if request.url.hasSuffix("/token") { return .text("mt") }
      if request.url.hasSuffix("/region") { return .text("eu-north-1") }
      return request.url.hasSuffix("/") ? .text("r") : jsonAnswer()
    }
    func region(_ variables: [String: String]) throws -> String {
      let environment = StoreEnvironment.only(variables)
      return try RegionChoice.region(
        option: nil, profile: nil, environment,
        credentials: CredentialsChain(
          client: client, environment: environment, profile: nil, region: nil,
          clock: ServiceClock { 0 })
      ).value
    }
    #expect(try region([:]) == "eu-north-1")
    let before = client.requests.count
    #expect(
      try region(["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"]) == "us-east-1")
    #expect(client.requests.count == before)
  }

  @Test(
    arguments: [
      ("http://o:1/", "p", ["AWS_ENDPOINT_URL": "http://a"], "http://o:1"),
      (nil, "p", ["AWS_ENDPOINT_URL": "http://a"], "http://a"),
      (
        nil, nil, ["AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "https://b/c/"],
        "https://b/c"
      ),
      (nil, nil, [:], "http://default:9000"), (nil, "p", [:], "http://p"), (nil, "none", [:], nil),
    ] as [(String?, String?, [String: String], String?)])
  func theEndpoint(
    option: String?, profile: String?, variables: [String: String], endpoint: String?
  ) throws {
    let environment = StoreEnvironment(variables, home: folder.root)
    #expect(
      try EndpointChoice.endpoint(option: option, profile: profile, environment)?.value
        == endpoint)
  }

  @Test(arguments: [
    "", "host", "s3://b", "http://u:secret@h", "http://h?q", "http://h#f", "http://h h",
  ])
  func whatIsNoServerIsRefused(url: String) {
    let error = #expect(throws: StoreError.self) {
      try EndpointChoice.endpoint(option: url, profile: nil, .only([:]))
    }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains("secret") == false)
  }
}

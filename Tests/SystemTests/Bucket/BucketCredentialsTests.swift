import TestSupport
import Testing

/// Credentials from each place that the AWS tools know, before a store that verifies signatures and
/// the tokens of sessions.
extension BucketSystemTests {
  @Suite struct CredentialPlaces {
    struct Place: Sendable, CustomTestStringConvertible {
      var name: String
      /// With FOLDER, SERVICES and STORE for the test's folder and servers; as those below.
      var variables: [String: String] = [:]
      var config = ""
      var credentials = ""
      /// What the services must have been asked for; empty if nothing.
      var asks = ""
      /// Words of the message if it does not work.
      var says: String?

      var testDescription: String { name }
    }

    static let keys = """
      aws_access_key_id = \(S3Server.accessKey)
      aws_secret_access_key = \(S3Server.secretKey)

      """
    static let role = "role_arn = arn:aws:iam::000000000000:role/lab\n"
    static let container = [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": "SERVICES/container",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "FOLDER/container-token",
    ]
    static let instance = [
      "AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "SERVICES",
    ]

    static let places = [
      Place(
        name: "environment",
        variables: [
          "AWS_ACCESS_KEY_ID": S3Server.accessKey, "AWS_SECRET_ACCESS_KEY": S3Server.secretKey,
        ]),
      Place(name: "credentials file", credentials: "[default]\n\(keys)"),
      Place(
        name: "profile of the configuration", variables: ["AWS_PROFILE": "lab"],
        config: "[profile lab]\n\(keys)"),
      Place(name: "program", config: "[default]\ncredential_process = sh 'FOLDER/print keys'\n"),
      Place(
        name: "role of another profile, from the store's own service",
        variables: ["AWS_ENDPOINT_URL_STS": "STORE"],
        config: "[default]\n\(role)source_profile = base\n[profile base]\n\(keys)"),
      Place(
        name: "role of another profile", variables: ["AWS_ENDPOINT_URL_STS": "SERVICES"],
        config: "[default]\n\(role)source_profile = base\n[profile base]\n\(keys)",
        asks: "POST / AssumeRole "),
      Place(
        name: "web identity",
        variables: [
          "AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/web-token", "AWS_ENDPOINT_URL_STS": "SERVICES",
          "AWS_ROLE_ARN": "arn:aws:iam::000000000000:role/lab",
        ], asks: "POST / AssumeRoleWithWebIdentity "),
      Place(name: "container", variables: container, asks: "GET /container "),
      Place(name: "instance", variables: instance, asks: "GET /latest/"),
    ]

    static let failures = [
      Place(
        name: "wrong secret",
        variables: [
          "AWS_ACCESS_KEY_ID": S3Server.accessKey, "AWS_SECRET_ACCESS_KEY": "not-the-secret",
        ], says: "the store does not accept these credentials (SignatureDoesNotMatch"),
      Place(
        name: "unknown key",
        variables: ["AWS_ACCESS_KEY_ID": "AKIANOBODY", "AWS_SECRET_ACCESS_KEY": "not-the-secret"],
        says: "the store does not accept these credentials (InvalidAccessKeyId"),
      Place(
        name: "wrong token of a session",
        variables: [
          "AWS_ACCESS_KEY_ID": "ASIANOBODY", "AWS_SECRET_ACCESS_KEY": "not-the-secret",
          "AWS_SESSION_TOKEN": "not-the-token",
        ], says: "the store does not accept these credentials"),
      Place(
        name: "expired", config: "[default]\ncredential_process = sh 'FOLDER/print keys' expired\n",
        says: "have expired by this machine's clock; get new ones"),
      Place(
        name: "wrong token of a container",
        variables: container.merging([
          "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "FOLDER/web-token"
        ]) { $1 }, says: "the container's credentials: the service answered with status 401"),
      Place(name: "none", says: "there are no credentials in"),
    ]

    private static let store = Result {
      try S3Server(.seaweedfs, objects: [("image.squash", BucketSample.shared().image)])
    }

    private let folder: TemporaryFolder

    init() throws {
      folder = try TemporaryFolder()
      try folder.write("web-token", Array("web-token\n".utf8))
      try folder.write("container-token", Array("container-token\n".utf8))
      let answer = """
        {"Version": 1, "AccessKeyId": "\(S3Server.accessKey)",
         "SecretAccessKey": "\(S3Server.secretKey)"%s}
        """
      try folder.write(
        "print keys",
        Array(
          """
          end=
          [ "$1" = expired ] && end=', "Expiration": "2020-01-01T00:00:00Z"'
          printf '\(answer)' "$end"
          """.utf8))
    }

    /// Runs `info` for the image in the store.
    private func info(
      _ place: Place, _ services: String, _ more: [String: String] = [:]
    ) throws -> Tool.Result {
      let store = try Self.store.get()
      func filled(_ text: String) -> String {
        text.replacing("FOLDER", with: folder.root).replacing("SERVICES", with: services)
          .replacing("STORE", with: store.url)
      }
      try folder.write("config", Array(filled(place.config).utf8))
      try folder.write("credentials", Array(filled(place.credentials).utf8))
      let environment = LabEnvironment.empty.merging([
        "AWS_CONFIG_FILE": folder.path("config"),
        "AWS_SHARED_CREDENTIALS_FILE": folder.path("credentials"),
        "AWS_ENDPOINT_URL_S3": store.url, "AWS_REGION": "us-east-1",
      ]) { $1 }.merging(place.variables.mapValues(filled)) { $1 }
      return try Tool.run(
        [Tool.autosquash, "info", "s3://\(S3Server.bucket)/image.squash"],
        environment: environment.merging(more) { $1 })
    }

    private func services() throws -> CredentialsServer {
      try CredentialsServer(
        accessKey: S3Server.accessKey, secret: S3Server.secretKey, store: Self.store.get().url)
    }

    @Test(arguments: places) func letsThemIn(_ place: Place) throws {
      let services = try services()
      let result = try info(place, services.url)
      #expect(result.status == 0 && result.errors == "", "\(result.summary)")
      let asked = try services.requests()
      #expect(asked.isEmpty == place.asks.isEmpty, "\(asked)")
      #expect(asked.contains { $0.hasPrefix(place.asks) } || place.asks.isEmpty, "\(asked)")
    }

    @Test(arguments: failures) func saysWhatIsWrong(_ place: Place) throws {
      let services = try services()
      let result = try info(place, services.url)
      #expect(result.status == 2, "\(result.summary)")
      #expect(result.errors.contains(place.says ?? "-"), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      for secret in ["not-the-secret", "not-the-token", S3Server.secretKey] {
        #expect(!result.errors.contains(secret))
      }
    }

    /// The services belong to this machine: a proxy would give its own credentials, or keep these.
    @Test(arguments: places.suffix(2)) func asksThisMachineWithoutAProxy(_ place: Place) throws {
      let services = try services()
      let proxy = try ProxyServer()
      let result = try info(place, services.url, ["http_proxy": proxy.url, "NO_PROXY": ""])
      #expect(result.status == 0, "\(result.summary)")
      #expect(try services.requests().contains { $0.hasPrefix(place.asks) })
      let store = try Self.store.get().url
      let allForTheStore = proxy.requests.allSatisfy { $0.hasPrefix("GET \(store)/") }
      #expect(!proxy.requests.isEmpty && allForTheStore, "\(proxy.requests)")
    }
  }
}

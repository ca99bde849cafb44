import TestSupport
import Testing

/// `doctor s3://bucket/folder/`: what each kind of server, and each fault, is told as.
extension BucketSystemTests {
  @Suite struct Doctor {
    private func doctor(
      _ folder: String, _ options: [String] = [], _ environment: [String: String]
    ) throws -> Tool.Result {
      let result = try Tool.run(
        [Tool.autosquash, "doctor", folder] + options, environment: environment)
      #expect(!result.text.contains(S3Server.secretKey), "\(result.text)")
      #expect(!result.text.contains(S3Server.accessKey), "\(result.text)")
      return result
    }

    /// The statuses and topics of a report, in order.
    private func lines(_ result: Tool.Result) -> [String] {
      result.text.split(separator: "\n").filter { !$0.hasPrefix(" ") }
        .map { String($0.prefix { $0 != ":" }) }
    }

    static let sound = [
      "ok    credentials", "ok    endpoint", "ok    tls", "ok    region", "ok    clock",
      "ok    listing", "ok    reading", "ok    ranges", "ok    etag", "ok    if-match",
      "ok    images", "ok    uploads",
    ]

    /// SeaweedFS is strict, moto quick; rclone ignores conditions, and forgets the status 206.
    @Test(
      arguments: [
        (.seaweedfs, []), (.moto, []), (.rclone, ["warn  ranges", "warn  if-match"]),
      ] as [(S3Server.Kind, [String])])
    func realServers(_ kind: S3Server.Kind, warnings: [String]) throws {
      let sample = try BucketSample.shared()
      let server = try S3Server(kind, objects: [("autosquash/image.squash", sample.image)])
      let result = try doctor(
        "s3://\(S3Server.bucket)/autosquash/", [], server.environment)
      #expect(result.status == 0, "\(result.summary)")
      let found = lines(result)
      #expect(found.map { $0.dropFirst(6) } == Self.sound.map { $0.dropFirst(6) }, "\(result.text)")
      #expect(found.filter { $0.hasPrefix("warn") } == warnings, "\(result.text)")
      #expect(result.text.contains("credentials: those of the environment\n"), "\(result.text)")
    }

    struct Case: Sendable, CustomTestStringConvertible {
      /// Also the bucket's name.
      var name: String
      /// JSON members of rules (Servers/rules.py).
      var faults: [String]
      var options: [String] = []
      var status: Int32 = 1
      /// The last line that is no "ok".
      var says: String

      var testDescription: String { name }
    }

    static let cases = [
      Case(
        name: "no-list", faults: [#""fault": "status", "status": 403, "code": "AccessDenied""#],
        says: "fail  listing: access denied: the permission s3:ListBucket is missing"),
      Case(
        name: "no-get",
        faults: [#""fault": "status", "status": 403, "code": "AccessDenied", "start": 2"#],
        says: "fail  reading: access denied: the permission s3:GetObject is missing"),
      Case(
        name: "wrong-key",
        faults: [#""fault": "status", "status": 403, "code": "SignatureDoesNotMatch""#],
        says: "fail  listing: the store does not accept these credentials"),
      Case(
        name: "skewed",
        faults: [#""fault": "status", "status": 403, "code": "RequestTimeTooSkewed""#],
        says: "fail  listing: this machine's clock is off"),
      Case(
        name: "unsigned", faults: [#""fault": "unsigned""#], options: ["--no-sign-request"],
        says: "fail  listing: access denied"),
      Case(
        name: "gone", faults: [#""fault": "status", "status": 404, "code": "NoSuchBucket""#],
        says: "fail  listing: there is no bucket gone"),
      Case(name: "whole", faults: [#""fault": "no-ranges""#], says: "fail  ranges: "),
      Case(
        name: "other-bytes", faults: [#""fault": "wrong-range", "shift": 1"#],
        says: "fail  ranges: "),
      Case(name: "tagless", faults: [#""fault": "no-etag""#], says: "fail  etag: "),
      Case(name: "weak", faults: [#""fault": "weak-etag""#], status: 0, says: "warn  etag: "),
      Case(
        name: "heedless", faults: [#""fault": "ignore-match""#], status: 0,
        says: "warn  if-match: the store ignores it"),
      Case(
        name: "fast-clock", faults: [#""fault": "date", "seconds": 420"#], status: 0,
        says: "warn  clock: this machine's is "),
      Case(
        name: "slow-clock", faults: [#""fault": "date", "seconds": -1200"#], status: 0,
        says: "warn  clock: this machine's is "),
    ]

    @Test(arguments: cases) func faults(_ fault: Case) throws {
      let server = try BucketSystemTests.faults.get()
      let sample = try BucketSample.shared()
      try server.put(fault.name, "folder/image.squash", file: sample.image)
      try server.fail(fault.name, fault.faults)
      let result = try doctor("s3://\(fault.name)/folder", fault.options, server.environment)
      #expect(result.status == fault.status, "\(result.summary)")
      let bad = result.text.split(separator: "\n").filter {
        !$0.hasPrefix(" ") && !$0.hasPrefix("ok ")
      }
      #expect(bad.count == 1 && bad[0].hasPrefix(fault.says), "\(result.text)")
      // Each has a remedy.
      #expect(result.text.contains("\n      -> "), "\(result.text)")
    }

    /// A clock within five minutes of the server's is right; the error names the side.
    @Test func clocks() throws {
      let server = try BucketSystemTests.faults.get()
      let sample = try BucketSample.shared()
      for (seconds, says) in [
        (240, "ok    clock: like the server's\n"), (-240, "ok    clock: like the server's\n"),
        (3600, "behind the server's"), (-3600, "ahead of the server's"),
      ] {
        let bucket = "clock\(seconds)"
        try server.put(bucket, "image.squash", file: sample.image)
        try server.fail(bucket, [#""fault": "date", "seconds": \#(seconds)"#])
        let result = try doctor("s3://\(bucket)", [], server.environment)
        #expect(result.text.contains(says), "\(result.text)")
      }
    }

    @Test func badImagesAreNamed() throws {
      let server = try BucketSystemTests.faults.get()
      let sample = try BucketSample.shared()
      try sample.folder.write("three", Array("bad".utf8))
      try server.put("some-bad", "f/good.squash", file: sample.image)
      try server.put("some-bad", "f/bad.squash", file: sample.folder.path("three"))
      let result = try doctor("s3://some-bad/f/", [], server.environment)
      #expect(result.status == 0, "\(result.summary)")
      #expect(result.text.contains("ok    images: 1 of 2 would mount\n"), "\(result.text)")
      #expect(result.text.contains("warn  images: bad.squash would not mount: only 3 bytes"))
      #expect(!result.text.contains("good.squash would not"), "\(result.text)")
      let json = try doctor("s3://some-bad/f/", ["--json"], server.environment)
      #expect(
        json.text.contains(
          #"{"status": "ok", "topic": "images", "finding": "1 of 2 would mount", "remedy": ""}"#),
        "\(json.text)")
    }

    /// moto says of each upload that it began in 2010.
    @Test func uploadsThatNeverEndedAreNamedWithTheCommandThatAbortsThem() throws {
      let server = try S3Server(.moto)
      let id = try server.beginUpload(of: "f/a b.squash")
      _ = try server.beginUpload(of: "elsewhere/x.squash")
      let result = try doctor("s3://\(S3Server.bucket)/f/", [], server.environment)
      #expect(result.status == 0, "\(result.summary)")
      #expect(result.text.contains("warn  uploads: one of f/a b.squash began "))
      #expect(!result.text.contains("elsewhere/"), "\(result.text)")
      let command = try #require(
        result.text.split(separator: "\n").first { $0.contains("abort-multipart-upload") })
      #expect(command.contains("--upload-id \(id) --endpoint-url \(server.url)"), "\(command)")
      var environment = server.environment
      environment["PATH"] = "\(Python.awsTools):/usr/bin:/bin"
      let aborted = try Tool.run(
        ["sh", "-c", String(command.drop { $0 != "a" })], environment: environment)
      #expect(aborted.status == 0, "\(aborted.summary)")
      #expect(try server.contents(below: "").uploads == ["elsewhere/x.squash"])
    }

    @Test func theRegionIsCorrected() throws {
      let server = try BucketSystemTests.faults.get()
      try server.put("north", "image.squash", file: try BucketSample.shared().image)
      try server.fail("north", [#""fault": "region", "status": 301, "region": "eu-north-1""#])
      let given = try doctor("s3://north", ["--region", "eu-north-1"], server.environment)
      #expect(given.text.contains("region: eu-north-1 (--region)\n"), "\(given.text)")
      let found = try doctor("s3://north", [], server.environment)
      #expect(
        found.text.contains(
          "region: eu-north-1 (the store's answer), not us-east-1 (AWS_REGION)\n"),
        "\(found.text)")
      #expect(found.status == 0 && given.status == 0)
    }

    @Test func whoseCredentials() throws {
      let server = try BucketSystemTests.faults.get()
      try server.put("whose", "image.squash", file: try BucketSample.shared().image)
      let folder = try TemporaryFolder()
      try folder.write(
        "config",
        Array(
          """
          [profile lab]
          aws_access_key_id = \(S3Server.accessKey)
          aws_secret_access_key = \(S3Server.secretKey)

          [profile program]
          credential_process = echo '{"Version": 1, "AccessKeyId": "\(S3Server.accessKey)", \
          "SecretAccessKey": "\(S3Server.secretKey)"}'

          """.utf8))
      var environment = LabEnvironment.empty
      environment["AWS_ENDPOINT_URL"] = server.url
      let nobody = try doctor("s3://whose", [], environment)
      #expect(nobody.status == 1 && lines(nobody) == ["fail  credentials"], "\(nobody.text)")
      for place in ["the environment", "~/.aws", "web identity", "container", "instance"] {
        #expect(nobody.text.contains(place), "\(place): \(nobody.text)")
      }
      environment["AWS_CONFIG_FILE"] = folder.path("config")
      for (options, says) in [
        (["--profile", "lab"], "those of the profile lab"),
        (["--profile", "program"], "those of credential_process of the profile program"),
        (["--no-sign-request"], "none: requests are not signed"),
      ] {
        let result = try doctor("s3://whose", options, environment)
        #expect(
          result.status == 0 && result.text.contains("credentials: \(says)\n"), "\(result.summary)")
      }
    }

    @Test func certificates() throws {
      let authority = try TestAuthority()
      let server = try FaultServer(authority: authority)
      try server.put("tls", "image.squash", file: try BucketSample.shared().image)
      let unknown = try doctor("s3://tls", [], server.environment)
      #expect(
        unknown.status == 1 && unknown.text.contains("fail  tls: the certificate of 127.0.0.1")
          && unknown.text.contains("--ca-bundle"), "\(unknown.summary)")
      let known = try doctor("s3://tls", ["--ca-bundle", authority.bundle], server.environment)
      #expect(known.status == 0 && lines(known) == Self.sound, "\(known.summary)")
    }

    @Test func aServerThatIsNotThere() throws {
      let result = try doctor(
        "s3://away", ["--endpoint-url", "http://127.0.0.1:1"],
        LabEnvironment.empty.merging([
          "AWS_ACCESS_KEY_ID": S3Server.accessKey, "AWS_SECRET_ACCESS_KEY": S3Server.secretKey,
        ]) { $1 })
      #expect(result.status == 1, "\(result.summary)")
      #expect(lines(result) == ["ok    credentials", "fail  endpoint"], "\(result.text)")
      #expect(result.text.contains("http://127.0.0.1:1"), "\(result.text)")
    }

    @Test func whatIsNoFolder() throws {
      for (operand, status) in [
        ("/etc", 2), ("https://host/image.squash", 2), ("s3://", 2), ("s3://b/image.squash", 2),
        ("", 64),
      ] as [(String, Int32)] {
        let result = try doctor(operand, [], LabEnvironment.empty)
        #expect(result.status == status && result.text == "", "\(operand): \(result.summary)")
      }
      let root = try Tool.autosquash("doctor", "--root", "/nonexistent", "s3://bucket/")
      #expect(root.status == 64, "\(root.summary)")
    }
  }
}

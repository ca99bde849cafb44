import TestSupport
import Testing

/// `images s3://bucket/prefix`, and what tells a program which bucket and who asks.
extension BucketSystemTests {
  @Suite(.serialized) struct Images {
    /// A listing of many pages, with what is no image and what would not mount.
    @Test func allOfAPrefixAreListed() throws {
      let sample = try BucketSample.shared()
      let server = try FaultServer(page: 3)
      let names = (1...10).map { "image-\($0)" } + ["with space", "ü+&<%41"]
      for name in names {
        try server.put("training", "autosquash/\(name).squash", file: sample.image)
      }
      try sample.folder.write("short.squash", Array("no image".utf8))
      try server.put(
        "training", "autosquash/short.squash", file: sample.folder.path("short.squash"))
      try server.put("training", "autosquash/readme.txt", file: sample.folder.path("short.squash"))
      try server.put("training", "elsewhere/other.squash", file: sample.other)
      let result = try Tool.run(
        [Tool.autosquash, "images", "s3://training/autosquash/"], environment: server.environment)
      for name in names {
        #expect(result.text.contains(name), "\(name): \(result.summary)")
      }
      #expect(result.text.contains("short") && !result.text.contains("readme"), "\(result.summary)")
      #expect(!result.text.contains("other"), "\(result.summary)")
    }

    @Test func settingsComeFromOptionsProfilesAndVariables() throws {
      let sample = try BucketSample.shared()
      let server = try S3Server(.seaweedfs, objects: [("image.squash", sample.image)])
      let folder = try TemporaryFolder()
      try folder.write(
        "config",
        Array(
          """
          [profile lab]
          region = us-east-1
          aws_access_key_id = \(S3Server.accessKey)
          aws_secret_access_key = \(S3Server.secretKey)

          [profile wrong]
          region = us-east-1
          aws_access_key_id = \(S3Server.accessKey)
          aws_secret_access_key = not-the-secret

          """.utf8))
      let image = "s3://\(S3Server.bucket)/image.squash"
      let configured = LabEnvironment.empty.merging(["AWS_CONFIG_FILE": folder.path("config")]) {
        $1
      }
      let endpoint = ["--endpoint-url", server.url]
      let expected = try Tool.autosquash("ls", sample.image).text
      let cases: [(options: [String], more: [String: String], works: Bool)] = [
        (endpoint + ["--profile", "lab"], [:], true),
        (endpoint, ["AWS_PROFILE": "lab"], true),
        (["--profile", "lab"], ["AWS_ENDPOINT_URL": server.url], true),
        (["--profile", "lab"], ["AWS_ENDPOINT_URL_S3": server.url], true),
        (
          endpoint + ["--profile", "lab", "--region", "us-east-1"], ["AWS_REGION": "eu-north-1"],
          true
        ),
        (endpoint + ["--profile", "lab"], ["AWS_PROFILE": "wrong"], true),
        (endpoint + ["--profile", "wrong"], [:], false),
        (endpoint + ["--profile", "missing"], [:], false),
        (endpoint + ["--no-sign-request"], [:], false),
      ]
      for (options, more, works) in cases {
        let result = try Tool.run(
          [Tool.autosquash, "ls"] + options + [image],
          environment: configured.merging(more) { $1 })
        #expect(result.status == (works ? 0 : 2), "\(options) \(more): \(result.summary)")
        #expect(result.text == (works ? expected : ""), "\(options) \(more)")
        #expect(!result.errors.contains("not-the-secret"), "\(options) \(more)")
      }
    }
  }
}

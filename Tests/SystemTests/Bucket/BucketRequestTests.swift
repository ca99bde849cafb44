import TestSupport
import Testing

/// What goes over the network: how many requests, for which bytes, and to whom with a signature.
extension BucketSystemTests {
  @Suite struct Requests {
    let server: FaultServer
    let sample: BucketSample

    init() throws {
      server = try BucketSystemTests.faults.get()
      sample = try BucketSample.shared()
    }

    private func run(_ arguments: String..., environment: [String: String]? = nil) throws
      -> Tool.Result
    {
      try Tool.run(
        [Tool.autosquash] + arguments, environment: environment ?? server.environment)
    }

    /// Opening is two requests, and an image without many files needs no more for its tables.
    @Test(arguments: [["ls"], ["ls", "-lR"], ["info"], ["verify", "--quick"]])
    func lookingIsTwoRequests(_ command: [String]) throws {
      let bucket = "look-" + command.joined(separator: "").lowercased()
      try server.put(bucket, "image.squash", file: sample.image)
      let result = try Tool.run(
        [Tool.autosquash] + command + ["s3://\(bucket)/image.squash"],
        environment: server.environment)
      #expect(result.status == 0, "\(result.errors)")
      let requests = try server.requests(bucket)
      #expect(requests.count <= 2, "\(requests)")
      #expect(requests.allSatisfy { $0.method == "GET" && $0.status == 206 && $0.signed })
    }

    @Test func whoPaysIsToldWithEachRequest() throws {
      try server.put("payer", "image.squash", file: sample.image)
      for (options, payer) in [([], ""), (["--request-payer", "requester"], "requester")] {
        let before = try server.requests("payer").count
        let result = try Tool.run(
          [Tool.autosquash, "cat"] + options + ["s3://payer/image.squash", "data/deep/7.txt"],
          environment: server.environment)
        #expect(result.status == 0, "\(result.errors)")
        let requests = try server.requests("payer").dropFirst(before)
        #expect(!requests.isEmpty && requests.allSatisfy { $0.payer == payer }, "\(requests)")
      }
    }

    /// A small file costs no more than its blocks; a large one is not fetched twice.
    @Test func aFileIsFetchedOnce() throws {
      try server.put("small", "image.squash", file: sample.image)
      let small = try run("cat", "s3://small/image.squash", "data/deep/7.txt")
      #expect(small.text == "file 7 of image\n", "\(small.errors)")
      let few = try server.requests("small")
      #expect(few.count <= 3 && few.map(\.bytes).reduce(0, +) <= 2_500_000, "\(few)")

      try server.put("large", "image.squash", file: sample.image)
      let large = try run("cat", "s3://large/image.squash", BucketSample.big)
      let isWhole = large.output == sample.bigContents
      #expect(isWhole, "\(large.errors)")
      let size = try sample.folder.read("image.squash").count
      let all = try server.requests("large")
      #expect(all.map(\.bytes).reduce(0, +) <= size + 1 << 20, "\(all)")
      // Every later request is for the object that was opened.
      #expect(all.dropFirst(2).allSatisfy { $0.match.hasPrefix("\"") }, "\(all)")
    }

    /// A folder's data is asked for at once: opening it, then eight pieces side by side, then the rest.
    @Test func aFolderIsFetchedAtOnce() throws {
      let slow = try FaultServer(latency: 250)
      try slow.put("folder", "image.squash", file: sample.image)
      let out = try TemporaryFolder()
      let result = try Tool.run(
        [
          Tool.autosquash, "extract", "-q", "-d", out.path("out"), "s3://folder/image.squash",
          "data",
        ], environment: slow.environment)
      #expect(result.status == 0, "\(result.errors)")
      let isWhole = try out.read("out/" + BucketSample.big) == sample.bigContents
      #expect(isWhole)
      let requests = try slow.requests("folder")
      #expect(FaultServer.waves(requests) <= 3, "\(requests.map { [$0.start, $0.end] })")
    }

    @Test func noSignatureUnlessAsked() throws {
      try server.put("public", "image.squash", file: sample.image)
      try server.fail("private", [#""fault": "unsigned""#])
      try server.put("private", "image.squash", file: sample.image)
      let plain = try run("ls", "--no-sign-request", "s3://public/image.squash")
      #expect(plain.status == 0, "\(plain.errors)")
      #expect(try server.requests("public").allSatisfy { !$0.signed })
      let refused = try run("ls", "--no-sign-request", "s3://private/image.squash")
      #expect(
        refused.status == 2, "\(refused.summary)")
      let signed = try run("ls", "s3://private/image.squash")
      #expect(signed.status == 0, "\(signed.errors)")
      // A URL of the web is anybody's.
      let web = try run("ls", "\(server.url)/public/image.squash")
      #expect(web.status == 0 && web.text == plain.text, "\(web.errors)")
      #expect(try server.requests("public").allSatisfy { !$0.signed })
    }

    @Test func withoutCredentialsItSaysWhereItLooked() throws {
      var environment = server.environment
      environment["AWS_ACCESS_KEY_ID"] = ""
      environment["AWS_SECRET_ACCESS_KEY"] = ""
      let result = try run("ls", "s3://nobody/image.squash", environment: environment)
      #expect(result.status == 2 && result.errors.contains("--no-sign-request"), "\(result.errors)")
      #expect(try server.requests("nobody").isEmpty)
    }

    /// The signature stays with the host for which it was made.
    @Test(arguments: [301, 302, 307, 308]) func aRedirectGetsNoSignature(_ status: Int) throws {
      let elsewhere = try FaultServer()
      let bucket = "redirected-\(status)"
      try elsewhere.put(bucket, "image.squash", file: sample.image)
      let host = elsewhere.url.replacing("127.0.0.1", with: "localhost")
      try server.put(bucket, "image.squash", file: sample.image)
      try server.fail(
        bucket,
        [
          #""fault": "redirect", "status": \#(status), "location": "\#(host)/\#(bucket)/image.squash""#
        ])
      let result = try run("ls", "s3://\(bucket)/image.squash")
      #expect([0, 2].contains(result.status), "\(result.errors)")
      #expect(try elsewhere.requests(bucket).allSatisfy { !$0.signed })
    }

    @Test func aCertificateIsChecked() throws {
      let authority = try TestAuthority()
      let secure = try FaultServer(authority: authority)
      try secure.put("tls", "image.squash", file: sample.image)
      let expected = try Tool.autosquash("ls", sample.image).text
      let environment = secure.environment
      let unknown = try run("ls", "s3://tls/image.squash", environment: environment)
      #expect(unknown.status == 2 && unknown.errors.contains("certificate"), "\(unknown.errors)")
      #expect(try secure.requests("tls").isEmpty)
      for image in ["s3://tls/image.squash", "\(secure.url)/tls/image.squash"] {
        let known = try run(
          "ls", "--ca-bundle", authority.bundle, image, environment: environment)
        #expect(known.status == 0 && known.text == expected, "\(known.errors)")
        let variable = try run(
          "ls", image, environment: environment.merging(["AWS_CA_BUNDLE": authority.bundle]) { $1 })
        #expect(variable.status == 0 && variable.text == expected, "\(variable.errors)")
      }
      // What came by TLS is not continued without.
      try secure.fail(
        "down",
        [#""fault": "redirect", "status": 307, "location": "\#(server.url)/down/image.squash""#])
      try secure.put("down", "image.squash", file: sample.image)
      try server.put("down", "image.squash", file: sample.image)
      let down = try run(
        "ls", "--ca-bundle", authority.bundle, "\(secure.url)/down/image.squash",
        environment: environment)
      #expect(down.status == 2, "\(down.summary)")
      #expect(try server.requests("down").isEmpty)
    }
  }
}

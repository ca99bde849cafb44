import Glibc
import TestSupport
import Testing

/// Uploads that go wrong on their way: they succeed all the same, or leave nothing.
extension UploadSystemTests {
  @Suite struct Mishaps {
    struct Case: Sendable, CustomTestStringConvertible {
      var name: String
      /// JSON members of a mishap (Servers/mishaps.py).
      var mishaps: [String]
      var image = "large.squash"
      var status: Int32 = 0
      var says = ""
      var testDescription: String { name }
    }

    static let cases = [
      Case(
        name: "503 at completion",
        mishaps: [#""step": "complete", "mishap": "refuse", "status": 503, "code": "SlowDown""#]),
      Case(
        name: "200 with an error",
        mishaps: [
          #""step": "complete", "mishap": "refuse", "status": 200, "code": "InternalError""#
        ]),
      Case(
        name: "200 with an error for good",
        mishaps: [#""step": "complete", "mishap": "refuse", "status": 200, "code": "InvalidPart""#],
        status: 2, says: "(InvalidPart"),
      Case(
        name: "probe without an answer",
        mishaps: [#""step": "probe", "mishap": "refuse", "status": 503, "code": "SlowDown""#]),
      Case(name: "lost completion", mishaps: [#""step": "complete", "mishap": "lose""#]),
      Case(
        name: "completed, and said otherwise",
        mishaps: [#""step": "complete", "mishap": "lie", "status": 500, "code": "InternalError""#]),
      Case(
        name: "lost put", mishaps: [#""step": "put", "mishap": "lose""#], image: "small.squash"),
      Case(
        name: "refused put",
        mishaps: [#""step": "put", "mishap": "refuse", "status": 503, "code": "SlowDown""#],
        image: "small.squash"),
      Case(name: "damaged part", mishaps: [#""step": "part", "mishap": "damage", "start": 2"#]),
      Case(
        name: "part damaged again and again",
        mishaps: [#""step": "part", "mishap": "damage", "times": 99"#], status: 2,
        says: "the store keeps other bytes of part"),
      Case(
        name: "damaged put", mishaps: [#""step": "put", "mishap": "damage", "times": 9"#],
        image: "small.squash", status: 2, says: "the store keeps other bytes than were sent"),
      Case(name: "lost part", mishaps: [#""step": "part", "mishap": "lose", "times": 2"#]),
      Case(
        name: "no right to write",
        mishaps: [
          #""step": "create", "mishap": "refuse", "status": 403, "code": "AccessDenied", "times": 9"#
        ], status: 2, says: "the permission s3:PutObject is missing"),
      Case(
        name: "upload gone",
        mishaps: [#""step": "part", "mishap": "refuse", "status": 404, "code": "NoSuchUpload""#],
        status: 2, says: "the upload was aborted by others"),
    ]

    @Test(arguments: cases.indices) func itSucceedsOrLeavesNothing(_ index: Int) throws {
      let the = Self.cases[index]
      let backend = try UploadSystemTests.moto.get()
      let server = try MishapServer(before: backend, the.mishaps.map { "{\($0)}" })
      let folder = "mishap-\(index)/"
      let result = try UploadSystemTests.upload(
        ["--part-size", "5M", "--progress", "always", the.image]
          + [UploadSystemTests.destination + folder], server.environment)
      #expect(result.status == the.status, "\(result.summary)")
      #expect(!result.errors.contains("ignores conditions"), "\(result.summary)")
      #expect(the.says.isEmpty || result.errors.contains(the.says), "\(result.summary)")
      let contents = try backend.contents(below: folder)
      #expect(contents.uploads == [])
      if the.status == 0 {
        let sample = try UploadSystemTests.sample.get()
        #expect(try backend.bytes(of: folder + the.image) == sample.bytes(the.image))
      } else if the.name != "damaged put" {
        // The manifest went up before, and was taken back.
        #expect(contents.objects.isEmpty)
      }
    }

    /// The key that is good for the first parts is refused from then on.
    @Test func credentialsThatExpireAreRenewed() throws {
      let backend = try UploadSystemTests.moto.get()
      let folder = try TemporaryFolder()
      try folder.write(
        "print",
        Array(
          """
          echo x >>'\(folder.path("count"))'
          n=$(wc -l <'\(folder.path("count"))')
          echo '{"Version": 1, "AccessKeyId": "KEY'$n'", "SecretAccessKey": "s", "SessionToken": "t"}'
          """.utf8))
      try folder.write(
        "config", Array("[default]\ncredential_process = sh \(folder.path("print"))\n".utf8))
      // A key that is refused in its first five seconds is wrong rather than old.
      let server = try MishapServer(
        before: backend,
        [
          #"{"step": "create", "mishap": "slow", "seconds": 6}"#,
          #"{"step": "part", "mishap": "expire", "start": 2, "times": 99, "key": "KEY1"}"#,
        ])
      var environment = server.environment
      environment["AWS_ACCESS_KEY_ID"] = ""
      environment["AWS_SECRET_ACCESS_KEY"] = ""
      environment["AWS_CONFIG_FILE"] = folder.path("config")
      let result = try UploadSystemTests.upload(
        ["--part-size", "5M", "large.squash", UploadSystemTests.destination + "expired/"],
        environment)
      #expect(result.status == 0, "\(result.summary)")
      let sample = try UploadSystemTests.sample.get()
      #expect(try backend.bytes(of: "expired/large.squash") == sample.bytes("large.squash"))
    }

    /// Where a signal comes: while parts, the completion, or the manifest are on their way.
    @Test(arguments: [
      ("part", SIGINT, 128 + SIGINT), ("create", SIGTERM, 128 + SIGTERM),
      ("put", SIGINT, 128 + SIGINT), ("complete", SIGTERM, 0),
    ])
    func aSignalUndoesTheUpload(_ step: String, _ signal: Int32, _ status: Int32) throws {
      let backend = try UploadSystemTests.moto.get()
      let server = try MishapServer(
        before: backend, [#"{"step": "\#(step)", "mishap": "slow", "seconds": 2}"#])
      let folder = "signal-\(step)/"
      let running = try Running(
        [Tool.autosquash, "upload", "--part-size", "5M", "large.squash"]
          .map { Array($0.utf8) } + [Array((UploadSystemTests.destination + folder).utf8)],
        in: UploadSystemTests.sample.get().folder.root, environment: server.environment)
      #expect(try eventually { try server.steps().contains(step) })
      kill(running.process, signal)
      let result = running.wait()
      #expect(result.status == status, "\(result.summary)")
      let contents = try backend.contents(below: folder)
      #expect(contents.uploads == [])
      // A completion on its way is a whole object.
      #expect(contents.objects.count == (status == 0 ? 3 : 0))
      if status != 0 { #expect(result.errors.contains("interrupted; nothing of it is left")) }
    }

    /// The manifest stays that another upload of the same image relies on.
    @Test func whoIsQuickerKeepsTheManifest() throws {
      let backend = try UploadSystemTests.moto.get()
      let server = try MishapServer(
        before: backend, [#"{"step": "complete", "mishap": "slow", "seconds": 3}"#])
      let sample = try UploadSystemTests.sample.get()
      let running = try Running(
        [Tool.autosquash, "upload", "--part-size", "5M", "large.squash"]
          .map { Array($0.utf8) } + [Array((UploadSystemTests.destination + "both/").utf8)],
        in: sample.folder.root, environment: server.environment)
      #expect(try eventually { try server.steps().contains("complete") })
      let second = try UploadSystemTests.upload(
        ["--part-size", "5M", "large.squash", UploadSystemTests.destination + "both/"],
        backend.environment)
      #expect(second.status == 0, "\(second.summary)")
      let first = running.wait()
      #expect(first.status == 1, "\(first.summary)")
      let contents = try backend.contents(below: "both/")
      #expect(contents.uploads == [] && contents.objects.count == 3, "\(contents.objects.keys)")
    }

    @Test func anImageThatChangesMeanwhileIsNotUploaded() throws {
      let backend = try UploadSystemTests.moto.get()
      let server = try MishapServer(
        before: backend, [#"{"step": "part", "mishap": "slow", "seconds": 2}"#])
      let folder = try TemporaryFolder()
      try folder.write("image.squash", UploadSystemTests.sample.get().bytes("large.squash"))
      let running = try Running(
        [Tool.autosquash, "upload", "--part-size", "5M", "image.squash"]
          .map { Array($0.utf8) } + [Array((UploadSystemTests.destination + "changed/").utf8)],
        in: folder.root, environment: server.environment)
      #expect(try eventually { try server.steps().contains("part") })
      try Tool.check(["touch", folder.path("image.squash")])
      let result = running.wait()
      #expect(result.status == 2 && result.errors.contains("changed while it was uploaded"))
      let contents = try backend.contents(below: "changed/")
      #expect(contents.uploads == [] && contents.objects.isEmpty)
    }

    @Test func whatCannotBeAbortedIsNamed() throws {
      let backend = try UploadSystemTests.moto.get()
      let server = try MishapServer(
        before: backend,
        [
          #"{"step": "part", "mishap": "refuse", "status": 403, "code": "AccessDenied", "times": 9}"#,
          #"{"step": "abort", "mishap": "refuse", "status": 403, "code": "AccessDenied", "times": 9}"#,
        ])
      let result = try UploadSystemTests.upload(
        ["-q", "--part-size", "5M", "large.squash", UploadSystemTests.destination + "left/"],
        server.environment)
      #expect(result.status == 2)
      #expect(
        result.errors.contains(
          "aws s3api abort-multipart-upload --bucket training --key left/large"),
        "\(result.errors)")
      #expect(try backend.contents(below: "left/").uploads.contains("left/large.squash"))
    }
  }
}

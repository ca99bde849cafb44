import TestSupport
import Testing

/// A server that fails: the commands succeed with the right bytes, or say what is wrong.
extension BucketSystemTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    /// Also the bucket's name.
    var name: String
    /// JSON members of rules (Servers/rules.py).
    var faults: [String]
    /// Words of the message, if it ends the command and they matter.
    var says: String?

    var testDescription: String { name }
    var url: String { "s3://\(name)/image.squash" }
  }

  @Suite struct Faults {
    /// They end the command.
    static let fatal = [
      // Replaced while it is read: from the third request on.
      Fault(
        name: "replaced", faults: [#""fault": "replace", "path": "replaced/new", "start": 3"#],
        says: "replaced"),
      Fault(
        name: "replaced-unseen",
        faults: [
          #""fault": "replace", "path": "replaced-unseen/new", "start": 3"#,
          #""fault": "ignore-match""#,
        ], says: "replaced"),
      Fault(
        name: "other-etag",
        faults: [#""fault": "etag", "start": 3"#, #""fault": "ignore-match""#], says: "replaced"),
      Fault(name: "no-ranges", faults: [#""fault": "no-ranges""#], says: "range"),
      Fault(name: "shifted", faults: [#""fault": "wrong-range", "shift": 1"#]),
      Fault(
        name: "other-size", faults: [#""fault": "wrong-range", "total": 4096, "start": 3"#]),
      Fault(
        name: "no-content-range", faults: [#""fault": "wrong-range", "absent": true"#]),
      Fault(name: "encoded", faults: [#""fault": "gzip""#]),
      Fault(name: "too-long", faults: [#""fault": "long", "declared": true"#]),
      Fault(name: "huge-headers", faults: [#""fault": "huge-headers", "bytes": 200000"#]),
      Fault(
        name: "denied", faults: [#""fault": "status", "status": 403, "code": "AccessDenied""#]),
      Fault(
        name: "no-such-key", faults: [#""fault": "status", "status": 404, "code": "NoSuchKey""#],
        says: "no such"),
      Fault(
        name: "no-such-bucket",
        faults: [#""fault": "status", "status": 404, "code": "NoSuchBucket""#], says: "bucket"),
      Fault(
        name: "teapot", faults: [#""fault": "status", "status": 418, "code": "Teapot""#],
        says: "418"),
      Fault(
        name: "loop",
        faults: [
          #""fault": "redirect", "status": 307, "location": "SERVER/loop/image.squash""#
        ]),
      Fault(
        name: "hopeless-clock", faults: [#""fault": "clock", "shift": 7230, "absent": true"#],
        says: "this machine's clock is 120 minutes off; \"timedatectl set-ntp true\" sets it"),
      Fault(name: "always-cut", faults: [#""fault": "short", "after": 1000"#]),
      Fault(name: "always-reset", faults: [#""fault": "reset", "after": 1000"#]),
      Fault(name: "always-busy", faults: [#""fault": "status", "status": 503"#], says: "503"),
      Fault(name: "silent", faults: [#""fault": "silence""#]),
    ]

    /// They pass, and the command does not fail.
    static let passing = [
      Fault(name: "sound", faults: []),
      Fault(name: "busy", faults: [#""fault": "status", "status": 503, "times": 3"#]),
      Fault(
        name: "throttled",
        faults: [
          #""fault": "status", "status": 429, "times": 1, "headers": {"Retry-After": "1"}"#
        ]),
      Fault(
        name: "internal-error",
        faults: [
          #""fault": "status", "status": 500, "code": "InternalError", "start": 2, "times": 2"#
        ]),
      Fault(name: "reset", faults: [#""fault": "reset", "after": 100, "start": 2, "times": 2"#]),
      Fault(name: "reset-at-once", faults: [#""fault": "reset", "after": 0, "times": 2"#]),
      Fault(name: "cut", faults: [#""fault": "short", "after": 5000, "start": 3, "times": 1"#]),
      Fault(
        name: "more-than-said", faults: [#""fault": "long", "bytes": 50, "start": 2, "times": 1"#]),
      Fault(name: "silent-once", faults: [#""fault": "silence", "times": 1"#]),
      Fault(
        name: "silent-in-the-middle",
        faults: [#""fault": "silence", "after": 70000, "start": 3, "times": 1"#]),
      Fault(
        name: "elsewhere-301",
        faults: [#""fault": "region", "status": 301, "region": "eu-north-1""#]),
      Fault(
        name: "elsewhere-400",
        faults: [#""fault": "region", "status": 400, "region": "eu-north-1""#]),
      Fault(name: "clock-behind", faults: [#""fault": "clock", "shift": 7200"#]),
      Fault(name: "clock-ahead", faults: [#""fault": "clock", "shift": -7200"#]),
    ]

    private func cat(_ fault: Fault) throws -> Tool.Result {
      let server = try BucketSystemTests.faults.get()
      let sample = try BucketSample.shared()
      try server.put(fault.name, "image.squash", file: sample.image)
      try server.put(fault.name, "new", file: sample.other)
      try server.fail(
        fault.name, fault.faults.map { $0.replacing("SERVER", with: server.url) })
      return try Tool.run(
        [Tool.autosquash, "cat", fault.url, BucketSample.big], environment: server.environment)
    }

    @Test(arguments: fatal) func endsWithAMessage(_ fault: Fault) throws {
      let result = try cat(fault)
      #expect(result.status == 2, "\(result.errors)")
      #expect(result.errors.hasPrefix("autosquash: \(fault.url): "), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      if let words = fault.says {
        #expect(result.errors.contains(words), "\(result.errors)")
      }
      #expect(!result.errors.contains(S3Server.secretKey))
      // What was printed before is of this image, and of no other.
      let whole = try BucketSample.shared().bigContents
      let isOfThisImage = result.output.count < whole.count && whole.starts(with: result.output)
      #expect(isOfThisImage)
    }

    @Test(arguments: passing) func isSurvived(_ fault: Fault) throws {
      let result = try cat(fault)
      #expect(result.status == 0 && result.errors == "", "\(result.errors)")
      let whole = try BucketSample.shared().bigContents
      // Not in the macro, which would look for the smallest difference of megabytes.
      let isWhole = result.output == whole
      #expect(isWhole)
    }

    /// --allow-truncated is about the archive, not about the way to it.
    @Test func aStreamThatEndsEarlyIsNoCutArchive() throws {
      let server = try BucketSystemTests.faults.get()
      let folder = try TemporaryFolder()
      try folder.write("random", try BucketSample.shared().bigContents)
      // A whole member comes first, or nothing would be there to keep.
      try folder.write("small", [1])
      try Tool.check(["tar", "-cf", "data.tar", "small", "random"], in: folder.root)
      try server.put("broken-stream", "data.tar", file: folder.path("data.tar"))
      try server.fail(
        "broken-stream", [#""fault": "status", "status": 403, "code": "AccessDenied", "start": 4"#])
      let result = try Tool.run(
        [
          Tool.autosquash, "pack", "s3://broken-stream/data.tar", "--allow-truncated", "-o",
          folder.path("data.squash"),
        ], environment: server.environment)
      #expect(result.status == 2, "\(result.errors)")
      #expect(!folder.exists("data.squash"))
    }

    /// An ETag that identifies nothing, or none: the right bytes or a message, but no others.
    @Test(arguments: ["no-etag", "weak-etag"]) func anObjectWithoutAnETag(_ name: String) throws {
      let replaced = #""fault": "replace", "path": "\#(name)/new", "start": 3"#
      let result = try cat(
        Fault(
          name: name, faults: [#""fault": "\#(name)""#, #""fault": "ignore-match""#, replaced]))
      #expect(result.status == 2, "\(result.errors)")
      let isOfThisImage = try BucketSample.shared().bigContents.starts(with: result.output)
      #expect(isOfThisImage)
    }
  }
}

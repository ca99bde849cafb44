import Glibc
import TestSupport
import Testing

/// What stops a command on an object half way: Ctrl-C before a server that does not answer, and a
/// stream that ends for good.
extension BucketSystemTests {
  @Suite struct Interruptions {
    let server: FaultServer
    let sample: BucketSample
    let folder: TemporaryFolder

    init() throws {
      server = try BucketSystemTests.faults.get()
      sample = try BucketSample.shared()
      folder = try TemporaryFolder()
      try Tool.check(["mkdir", "out"], in: folder.root)
    }

    /// Puts an image, an archive and manifests of one tree into a bucket.
    private func fill(_ bucket: String) throws {
      try folder.write("small", [1])
      try folder.write("random", sample.bigContents)
      try Tool.check(["tar", "-cf", "data.tar", "small", "random"], in: folder.root)
      try Tool.check(
        [Tool.autosquash, "manifest", sample.image, "-o", "image.mtree"], in: folder.root)
      // All that matters comes first: who stops at the end of the stream misses nothing.
      let padding = [UInt8](repeating: UInt8(ascii: "-"), count: 70) + [UInt8(ascii: "\n")]
      let comments = (0..<40_000).flatMap { _ in [UInt8(ascii: "#")] + padding }
      try folder.write("long.mtree", folder.read("image.mtree") + comments)
      for (key, file) in [
        ("image.squash", sample.image), ("data.tar", folder.path("data.tar")),
        ("image.mtree", folder.path("long.mtree")),
      ] { try server.put(bucket, key, file: file) }
    }

    // MARK: Ctrl-C

    /// A command, which request is the first without an answer, and the message.
    private static let waiting: [(command: [String], start: Int, says: String)] = [
      (["ls", "BUCKET/image.squash"], 1, ""),
      (["extract", "BUCKET/image.squash", "-C", "out/tree"], 1, ""),
      (
        ["extract", "BUCKET/image.squash", "-C", "out/tree"], 3,
        "autosquash: out/tree: interrupted after "
      ),
      (
        ["pack", "BUCKET/data.tar", "-o", "out/x.squash", "--manifest"], 1,
        "autosquash: out/x.squash: interrupted; nothing was written\n"
      ),
      (
        ["pack", "BUCKET/data.tar", "-o", "out/x.squash", "--manifest"], 3,
        "autosquash: out/x.squash: interrupted; nothing was written\n"
      ),
    ]

    /// The server would keep the command until it gives up, which is no end by the signal.
    @Test(arguments: waiting.indices) func itEndsTheWaitForASilentServer(_ index: Int) throws {
      let (command, start, says) = Self.waiting[index]
      let bucket = "interrupted-\(index)"
      try fill(bucket)
      try server.fail(bucket, [#""fault": "silence", "start": \#(start)"#])
      let running = try Running(
        ([Tool.autosquash] + command).map {
          Array($0.replacing("BUCKET", with: "s3://\(bucket)").utf8)
        },
        in: folder.root, environment: server.environment)
      #expect(try eventually { try server.silentRequests(bucket) > 0 })
      kill(running.process, SIGINT)
      let result = running.wait()
      #expect(result.status == 128 + SIGINT, "\(result.summary)")
      let isRight = says.isEmpty ? result.errors.isEmpty : result.errors.hasPrefix(says)
      #expect(isRight, "\(result.errors)")
      // Both requests of the opening, perhaps twice: who goes on asks more often.
      if start == 1 { #expect(try server.requests(bucket).count <= 4) }
      // Whole files at most, and nothing under another name.
      let left = try Tool.check(["find", "out", "-mindepth", "1"], in: folder.root).text
      if command[0] == "extract" && start > 1 {
        let tree = try Tool.autosquash(
          "extract", sample.image, "-q", "-C", "whole", in: folder.root)
        #expect(tree.status == 0)
        let wrong = try Tool.run(["diff", "-rq", "out/tree", "whole"], in: folder.root).text
        #expect(!wrong.contains("differ") && !wrong.contains("Only in out"), "\(wrong)")
      } else {
        #expect(left.isEmpty)
      }
    }

    // MARK: Broken streams

    /// Commands and the object that breaks off, which the message names.
    private static let broken: [(command: [String], object: String)] = [
      (["manifest", "BUCKET/image.squash", "-o", "out/list"], "image.squash"),
      (["manifest", "BUCKET/image.squash"], "image.squash"),
      (["manifest", "BUCKET/data.tar", "-o", "out/list"], "data.tar"),
      (["manifest", "BUCKET/image.mtree", "-o", "out/list"], "image.mtree"),
      (["verify", "IMAGE", "--manifest", "BUCKET/image.mtree"], "image.mtree"),
      (["verify", "BUCKET/image.squash", "--manifest", "BUCKET/image.mtree"], "image.mtree"),
      (["verify", "BUCKET/image.squash", "--manifest", "BUCKET/image.mtree"], "image.squash"),
    ]

    @Test(arguments: broken.indices) func aStreamThatEndsForGoodIsTold(_ index: Int) throws {
      let (command, object) = Self.broken[index]
      let bucket = "broken-\(index)"
      try fill(bucket)
      try server.control(
        #"{"rules": [{"prefix": "/\#(bucket)/\#(object)", "fault": "status", "status": 403,"#
          + #" "code": "AccessDenied", "start": 3}]}"#)
      let result = try Tool.run(
        [Tool.autosquash]
          + command.map {
            $0 == "IMAGE" ? sample.image : $0.replacing("BUCKET", with: "s3://\(bucket)")
          }, in: folder.root, environment: server.environment)
      #expect(result.status == 2, "\(result.summary)")
      // What verify finds in its image is its result, not a message.
      let lines = (result.errors + result.text).split(separator: "\n")
        .filter { $0.contains("access denied") }
      #expect(lines.count == 1, "\(result.summary)")
      #expect(lines.first?.contains("s3://\(bucket)/\(object): ") == true, "\(lines)")
      #expect(result.errors.split(separator: "\n").count <= 1, "\(result.errors)")
      #expect(!result.text.contains("#mtree"), "\(result.text.prefix(1000))")
      #expect(try Tool.check(["ls", "-A", "out"], in: folder.root).text.isEmpty)
    }
  }
}

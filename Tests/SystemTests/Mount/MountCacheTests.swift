import Glibc
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// What a mount keeps of a bucket, and what it fetches before anybody asks.
  @Suite struct MountCacheTests {
    let server: FaultServer
    let sample: BucketSample
    let work: TemporaryFolder

    init() throws {
      server = try BucketSystemTests.faults.get()
      sample = try BucketSample.shared()
      work = try TemporaryFolder()
    }

    private func mount(_ bucket: String, _ options: [String] = []) throws -> OwnMount {
      try OwnMount(
        "s3://\(bucket)/image.squash", ["--cache", work.path("cache")] + options,
        environment: server.environment)
    }

    private func readAll(_ own: OwnMount) throws -> String {
      try Tool.check(
        ["sh", "-c", "find . -type f -print0 | sort -z | xargs -0 sha256sum"], in: own.path
      ).text
    }

    @Test func aSecondMountIsOneRequest() throws {
      try server.put("warm", "image.squash", file: sample.image)
      let first = try mount("warm")
      let contents = try readAll(first)
      try Tool.check([Tool.autosquash, "unmount", first.path])
      #expect(first.hasEnded)
      let before = try server.requests("warm").count
      let second = try mount("warm")
      #expect(try readAll(second) == contents)
      #expect(try server.requests("warm").count == before + 1)
      // Nobody else sees what was read.
      #expect(try Tool.check(["stat", "-c", "%a", work.path("cache")]).text == "700\n")
    }

    /// Servers are killed at any moment while they fill the cache; the next mount reads right bytes.
    @Test func killedServersLeaveNothingWrong() throws {
      try server.put("killed", "image.squash", file: sample.image)
      var random = SeededGenerator(3)
      for _ in 0..<4 {
        let own = try mount("killed")
        let reader = try Running(["cat", own.path + "/" + BucketSample.big].map { Array($0.utf8) })
        usleep(UInt32.random(in: 0..<60_000, using: &random))
        kill(try #require(own.processes.first { $0.serves }).number, SIGKILL)
        _ = reader.wait()
        #expect(own.hasEnded)
        let next = try mount("killed")
        let isWhole =
          try Tool.check(["cat", next.path + "/" + BucketSample.big]).output
          == sample.bigContents
        #expect(isWhole)
      }
    }

    /// The mount has the version that it opened, or an error; never another.
    @Test(arguments: [false, true]) func aReplacedImageIsNeverMixed(isRead: Bool) throws {
      let bucket = "mount-replaced-\(isRead)"
      try server.put(bucket, "image.squash", file: sample.image)
      let own = try mount(bucket)
      if isRead {
        // Without the kernel's cache of pages, so that the mount is asked again.
        let copied = try Tool.run(
          ["dd", "if=\(own.path)/\(BucketSample.big)", "iflag=direct", "bs=1M", "status=none"])
        #expect(copied.output == sample.bigContents)
      }
      try server.put(bucket, "image.squash", file: sample.other)
      let again = try Tool.run(
        ["dd", "if=\(own.path)/\(BucketSample.big)", "iflag=direct", "bs=1M", "status=none"])
      #expect(sample.bigContents.starts(with: again.output))
      #expect((again.status == 0) == isRead, "\(again.errors)")
      if !isRead { #expect(again.errors.contains("Input/output error"), "\(again.errors)") }
      // The next mount has the new one.
      let next = try mount(bucket)
      #expect(try Tool.check(["cat", next.path + "/data/deep/7.txt"]).text == "file 7 of other\n")
    }

    /// A bucket that keeps old versions still has the one that was opened.
    @Test func anOldVersionIsStillThere() throws {
      let store = try S3Server(.moto)
      let script = """
        import boto3, os
        boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).put_bucket_versioning(
            Bucket="\(S3Server.bucket)", VersioningConfiguration={"Status": "Enabled"})
        """
      let enabled = try Tool.run(
        [Python.environment, "-c", script], environment: store.environment)
      #expect(enabled.status == 0, "\(enabled.errors)")
      try store.put([(key: "image.squash", file: sample.image)])
      let own = try OwnMount(
        "s3://\(S3Server.bucket)/image.squash", environment: store.environment)
      try store.put([(key: "image.squash", file: sample.other)])
      let read = try Tool.run(["cat", "\(own.path)/\(BucketSample.big)"])
      let isWhole = read.output == sample.bigContents
      #expect(read.status == 0 && isWhole, "\(read.errors)")
    }

    /// Reading fails after the given time, and works again when the bucket does.
    @Test func aBucketMayGoAway() throws {
      try server.put("mount-away", "image.squash", file: sample.image)
      let own = try mount("mount-away", ["--timeout", "1"])
      try server.fail("mount-away", [#""fault": "status", "status": 503"#])
      let big = own.path + "/" + BucketSample.big
      let failed = try Tool.run(["cat", big])
      #expect(
        failed.status == 1 && failed.errors.contains("Input/output error"), "\(failed.errors)")
      try server.control(#"{"clear": "/mount-away/"}"#)
      let isWhole = try Tool.check(["cat", big]).output == sample.bigContents
      #expect(isWhole)
    }

    /// The data of the access order comes by itself, and nothing else does.
    @Test(arguments: [
      ("order", 2_300_000...3_500_000), ("all", 6_000_000...9_000_000), ("none", 0...1_500_000),
    ])
    func theOrderComesByItself(prefetch: String, bytes: ClosedRange<Int>) throws {
      let bucket = "prefetch-\(prefetch)"
      try Tool.check(
        [
          "sh", "-ec",
          """
          mkdir tree
          head -c 2500000 /dev/urandom >tree/cold1
          head -c 2500000 /dev/urandom >tree/cold2
          head -c 2000000 /dev/urandom >tree/hot
          echo hot >order
          '\(Tool.autosquash)' pack tree -q --compression zstd --order order -o image.squash
          """,
        ], in: work.root)
      try server.put(bucket, "image.squash", file: work.path("image.squash"))
      let own = try mount(bucket, ["--prefetch", prefetch])
      func fetched() throws -> Int { try server.requests(bucket).map(\.bytes).reduce(0, +) }
      #expect(
        try eventually(seconds: 20) { try fetched() >= bytes.lowerBound }, "\(bucket)")
      #expect(own.isMounted)
      // What comes, has come.
      usleep(300_000)
      #expect(try bytes.contains(fetched()), "\(bucket)")
    }

    @Test func aFolderThatCannotKeepIsTold() throws {
      try server.put("no-cache", "image.squash", file: sample.image)
      try Tool.check(["mkdir", "-m", "777", work.path("open"), work.path("point")])
      func run(_ cache: String) throws -> Tool.Result {
        try Tool.run(
          [
            Tool.autosquash, "mount", "s3://no-cache/image.squash", work.path("point"), "--cache",
            cache,
          ],
          environment: server.environment)
      }
      let open = try run(work.path("open"))
      #expect(
        open.status != 0 && open.errors.contains("others may write into it"), "\(open.summary)")
      let file = try run(sample.image)
      #expect(file.status != 0 && file.errors.contains(sample.image), "\(file.summary)")
      #expect(try Tool.run(["mountpoint", "-q", work.path("point")]).status != 0)
    }
  }
}

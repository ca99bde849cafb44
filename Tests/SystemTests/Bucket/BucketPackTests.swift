import Glibc
import Posix
import TestSupport
import Testing

/// Images that go into a bucket while they are packed.
@Suite struct BucketPackTests {
  private static let servers: [S3Server.Kind: Result<S3Server, any Error>] = Dictionary(
    uniqueKeysWithValues: S3Server.Kind.allCases.map { kind in
      (kind, Result { try S3Server(kind) })
    })

  private let folder: TemporaryFolder

  /// A tree of some parts: duplicates, one that differs at its end, small files, a hole, links.
  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p tree/small
        head -c 12000000 /dev/urandom >tree/a.bin
        cp tree/a.bin tree/b.bin
        head -c 11999999 tree/a.bin >tree/c.bin; printf x >>tree/c.bin
        seq 400000 >tree/numbers.txt
        for i in $(seq 300); do echo "file $((i / 2))" >tree/small/$i.txt; done
        truncate -s 20M tree/hole
        ln tree/numbers.txt tree/again.txt
        ln -s a.bin tree/link
        printf 'numbers.txt\\nc.bin\\n' >order
        tar --sort=name -cf tree.tar -C tree .
        """,
      ], in: folder.root)
  }

  private func server(_ kind: S3Server.Kind) throws -> S3Server { try Self.servers[kind]!.get() }

  private func pack(
    _ words: [String], to server: S3Server, _ more: [String: String] = [:]
  ) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash, "pack"] + words, in: folder.root,
      environment: server.environment.merging(more) { $1 })
  }

  /// What a bucket has below a prefix.
  private struct Contents {
    /// The content types of objects, by the rest of their keys.
    var types: [String: String] = [:]
    var uploads: [String]
  }

  /// Copies the objects below a prefix, such as `folder/`, into the folder `fetched`.
  private func fetch(_ prefix: String, _ server: S3Server) throws -> Contents {
    let target = folder.path("fetched")
    try Tool.check(["rm", "-rf", target])
    try Tool.check(["mkdir", target])
    let contents = try server.contents(below: prefix)
    var fetched = Contents(uploads: contents.uploads)
    for (key, object) in contents.objects {
      let name = String(key.dropFirst(prefix.count))
      fetched.types[name] = object.type
      try folder.write("fetched/" + name, server.bytes(of: key))
    }
    return fetched
  }

  // MARK: The same image

  private static let variants: [(name: String, options: [String])] = [
    ("plain", ["--compression", "zstd", "--level", "1"]),
    ("ordered", ["--compression", "lz4", "--order", "order"]),
    (
      "front",
      [
        "--compression", "zstd", "--level", "1", "--layout", "front", "--order", "order", "-b",
        "1M",
      ]
    ),
    ("large", ["--compression", "none", "--part-size", "6M", "--manifest", "--html"]),
  ]

  @Test(arguments: S3Server.Kind.allCases, variants.indices)
  func theObjectIsWhatALocalPackMakes(kind: S3Server.Kind, variant: Int) throws {
    let server = try server(kind)
    let (name, options) = Self.variants[variant]
    let key = "same/\(name)/"
    let result = try pack(
      ["tree", "-o", "s3://training/\(key)image.squash"] + options, to: server)
    #expect(result.status == 0, "\(result.summary)")
    let contents = try fetch(key, server)
    #expect(contents.uploads == [])
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-q", "-o", "image.squash"]
        + options.filter { !["--part-size", "6M"].contains($0) }, in: folder.root)
    try Tool.check(["cmp", "image.squash", "fetched/image.squash"], in: folder.root)
    guard name == "large" else { return }
    // JuiceFS knows types by names alone.
    if kind != .juicefs { #expect(contents.types["image.mtree"]?.hasPrefix("text/plain") == true) }
    #expect(contents.types["image.html"]?.hasPrefix("text/html") == true)
    // The same lists, but for the digest.
    for file in ["image.mtree", "image.html"] {
      let (mine, other) = (try folder.read(file), try folder.read("fetched/" + file))
      func lines(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
          .filter { !$0.contains("sha256 ") && !$0.contains("image-sha256") }
      }
      #expect(lines(mine) == lines(other))
    }
    let verified = try Tool.run(
      [Tool.autosquash, "verify", "--manifest", "image.mtree", "image.squash"],
      in: folder.path("fetched"))
    #expect(verified.status == 0, "\(verified.summary)")
    // And it goes up again with what lies beside it.
    let again = try Tool.run(
      [Tool.autosquash, "upload", "fetched/image.squash", "s3://training/again/\(key)"],
      in: folder.root, environment: server.environment)
    #expect(again.errors.contains("with image.mtree and image.html"), "\(again.summary)")
    // Another image of the same size does not match.
    try Tool.check(
      ["sh", "-c", "printf another | dd of=fetched/image.squash bs=1 seek=10000000 conv=notrunc"],
      in: folder.root)
    let changed = try Tool.run(
      [Tool.autosquash, "verify", "--manifest", "image.mtree", "image.squash"],
      in: folder.path("fetched"))
    #expect(changed.text.contains("another SHA-256"), "\(changed.summary)")
  }

  /// From a pipe to a mount, by the kernel through s3fs and by this program.
  @Test func aPipeBecomesAMount() throws {
    let lab = try BucketLab()
    let words = [
      "sh", "-c",
      "cat tree.tar | '\(Tool.autosquash)' pack - --compression zstd -o s3://training/piped.squash",
    ]
    let result = try Tool.run(words, in: folder.root, environment: lab.environment)
    #expect(result.status == 0, "\(result.summary)")
    let verified = try Tool.run(
      [Tool.autosquash, "verify", "s3://training/piped.squash", "--against", "tree.tar"],
      in: folder.root, environment: lab.environment)
    #expect(verified.status == 0, "\(verified.summary)")
    let own = try OwnMount("s3://training/piped.squash", environment: lab.environment)
    try Tool.check(["diff", "-r", "--no-dereference", folder.path("tree"), own.path])
    try Tool.check(["mkdir", folder.path("kernel")])
    try Tool.check(
      [
        "mount", "-t", "squashfs", "-o", "loop,ro", lab.mountPoint + "/piped.squash",
        folder.path("kernel"),
      ])
    defer { _ = try? Tool.run(["umount", folder.path("kernel")]) }
    try Tool.check(
      ["diff", "-r", "--no-dereference", folder.path("tree"), folder.path("kernel")])
  }

  @Test func aBrowserShowsThePage() throws {
    let server = try server(.moto)
    let result = try pack(
      [
        "tree", "-o", "s3://training/page/", "--html", "--compression", "zstd", "--acl",
        "public-read",
      ], to: server)
    #expect(result.status == 0, "\(result.summary)")
    let shown = try Tool.run(
      [
        "timeout", "120", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
        "--user-data-dir=\(folder.path("profile"))", "--virtual-time-budget=5000", "--dump-dom",
        "\(server.url)/training/page/tree.html#q=numbers",
      ], environment: ["HOME": folder.root])
    #expect(shown.status == 0, "\(shown.errors.suffix(1000))")
    #expect(shown.text.contains("numbers.txt") && shown.text.contains("1 match"), "\(shown.text)")
  }

  @Test func severalSourcesAndExistingImages() throws {
    let server = try server(.seaweedfs)
    let both = try pack(
      ["tree", "tree.tar", "-q", "-o", "s3://training/several/"], to: server)
    #expect(both.errors.contains("would both become this image"), "\(both.summary)")
    try Tool.check(["cp", folder.path("tree.tar"), folder.path("other.tar")])
    let words = ["tree", "other.tar", "-o", "s3://training/several/", "--compression", "zstd"]
    let first = try pack(words, to: server)
    #expect(first.status == 0, "\(first.summary)")
    #expect(try fetch("several/", server).types.keys.sorted() == ["other.squash", "tree.squash"])
    let second = try pack(words + ["--skip-existing"], to: server)
    #expect(second.status == 0, "\(second.summary)")
    #expect(second.errors.components("exists already; skipped") == 2, "\(second.summary)")
  }

  // MARK: What is there stays

  @Test(arguments: [S3Server.Kind.seaweedfs, .moto, .juicefs, .rclone])
  func anExistingKeyIsUntouched(kind: S3Server.Kind) throws {
    let server = try server(kind)
    try folder.write("mine", Array("mine".utf8))
    try server.put([
      ("taken/tree.squash", folder.path("mine")), ("taken/x.mtree", folder.path("mine")),
    ])
    let refused = try pack(["tree", "-o", "s3://training/taken/"], to: server)
    #expect(refused.status == 1)
    #expect(
      refused.errors.contains("taken/tree.squash: there is an object with this name already"),
      "\(refused.summary)")
    let beside = try pack(["tree", "-o", "s3://training/taken/x.squash", "--manifest"], to: server)
    #expect(beside.errors.contains("taken/x.mtree: there is"), "\(beside.summary)")
    let contents = try fetch("taken/", server)
    #expect(contents.types.keys.sorted() == ["tree.squash", "x.mtree"] && contents.uploads == [])
    #expect(try folder.read("fetched/tree.squash") == Array("mine".utf8))
    let forced = try pack(
      ["tree", "-o", "s3://training/taken/", "--force", "--compression", "zstd"], to: server)
    #expect(forced.status == 0 && forced.errors.contains("warning: this is replaced"))
    _ = try fetch("taken/", server)
    try Tool.check(
      [Tool.autosquash, "verify", "-q", "fetched/tree.squash", "--against", "tree"],
      in: folder.root)
  }

  // MARK: Nothing is left

  /// SeaweedFS and moto list unfinished uploads reliably.
  @Test(arguments: [S3Server.Kind.seaweedfs, .moto], 0..<8)
  func nothingIsLeftAfterASignal(kind: S3Server.Kind, round: Int) throws {
    let server = try server(kind)
    let key = "killed/\(round)/"
    let running = try Running(
      [
        Tool.autosquash, "pack", "tree", "-o", "s3://training/\(key)x.squash", "--manifest",
        "--compression", "none", "--part-size", "5M",
      ].map { Array($0.utf8) }, in: folder.root, environment: server.environment)
    usleep(UInt32.random(in: 0...1_500_000))
    kill(running.process, round % 2 == 0 ? SIGINT : SIGTERM)
    let result = running.wait()
    let contents = try fetch(key, server)
    #expect(contents.uploads == [])
    if result.status == 0 {
      #expect(contents.types.count == 2)
    } else {
      #expect(result.status == 128 + (round % 2 == 0 ? SIGINT : SIGTERM), "\(result.summary)")
      #expect(contents.types.isEmpty || contents.types.count == 2, "\(contents)")
    }
  }

  /// While it waits for a source that does not go on.
  @Test func aSilentSourceCanBeInterrupted() throws {
    let server = try server(.seaweedfs)
    let log = folder.path("stopped")
    let script = """
      mkfifo pipe
      (head -c 30000000 tree.tar; sleep 600) >pipe &
      '\(Tool.autosquash)' pack - -o s3://training/silent/x.squash --compression none \
        --part-size 5M <pipe &
      pack=$!
      for i in $(seq 60); do
        '\(Python.environment)' '\(Python.server("s3server.py"))' state \(server.url) silent/ >state
        grep -q silent/x.squash state && break
        sleep 0.1
      done
      kill -TERM $pack
      wait $pack
      echo $? >'\(log)'
      kill %1
      """
    let result = try Tool.run(
      ["bash", "-c", script], in: folder.root, environment: server.environment)
    #expect(try folder.read("stopped") == Array("143\n".utf8), "\(result.summary)")
    #expect(result.errors.contains("interrupted; the upload was undone"), "\(result.summary)")
    let contents = try fetch("silent/", server)
    #expect(contents.uploads == [] && contents.types.isEmpty)
  }

  /// Also by a quiet pack.
  @Test func whatCannotBeAbortedIsNamed() throws {
    let backend = try server(.moto)
    let server = try MishapServer(
      before: backend,
      ["part", "abort"].map {
        #"{"step": "\#($0)", "mishap": "refuse", "status": 403, "code": "AccessDenied", "times": 9}"#
      })
    let result = try Tool.run(
      [
        Tool.autosquash, "pack", "tree", "-q", "-o", "s3://training/left/", "--compression", "none",
        "--part-size", "5M",
      ], in: folder.root, environment: server.environment)
    #expect(result.status == 2)
    #expect(
      result.errors.contains("aws s3api abort-multipart-upload --bucket training --key left/tree"),
      "\(result.errors)")
    #expect(try backend.contents(below: "left/").uploads.contains("left/tree.squash"))
  }

  @Test func nothingIsLeftOfASourceThatBreaks() throws {
    let server = try server(.seaweedfs)
    try Tool.check(["truncate", "-s", "40000000", folder.path("tree.tar")])
    let result = try pack(
      ["tree.tar", "-o", "s3://training/broken/", "--compression", "none", "--manifest"],
      to: server)
    #expect(result.status == 1 && result.errors.contains("tree.tar: "), "\(result.summary)")
    var contents = try fetch("broken/", server)
    #expect(contents.uploads == [] && contents.types.isEmpty)
    // As far as it goes, it is the image of a local pack.
    let words = ["tree.tar", "--compression", "none", "--allow-truncated"]
    #expect(try pack(words + ["-o", "s3://training/broken/"], to: server).status == 1)
    #expect(try pack(words, to: server).status == 1)
    contents = try fetch("broken/", server)
    #expect(contents.types.count == 1)
    try Tool.check(["cmp", "tree.squash", "fetched/tree.squash"], in: folder.root)
  }

  @Test func nothingIsLeftIfTheScratchDiskIsFull() throws {
    let server = try server(.seaweedfs)
    let disk = folder.path("disk")
    try Tool.check(["mkdir", disk])
    try Tool.check(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", disk])
    defer { _ = try? Tool.run(["umount", disk]) }
    let result = try pack(
      [
        "tree", "-o", "s3://training/full/", "--order", "order", "--compression", "none",
        "--part-size", "5M",
      ], to: server, ["TMPDIR": disk])
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.errors.contains("No space left on device"), "\(result.summary)")
    let contents = try fetch("full/", server)
    #expect(contents.uploads == [] && contents.types.isEmpty)
  }

  // MARK: Memory

  @Test func memoryDoesNotGrowWithTheSource() throws {
    let server = try server(.seaweedfs)
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir large
        for i in $(seq 6); do
          openssl enc -aes-128-ctr -pass pass:$i -nosalt -pbkdf2 </dev/zero 2>/dev/null |
            head -c 50000000 >large/$i
        done
        """,
      ], in: folder.root)
    let environment = server.environment.map { "\($0)=\($1)" }
    let (result, needs) = try Tool.measure(
      ["env"] + environment + [
        Tool.autosquash, "pack", "large", "-o", "s3://training/large/", "--compression", "none",
      ], in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(needs.memory < 100_000_000, "\(needs.memory)")
  }
}

extension String {
  /// How often a text occurs.
  fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}

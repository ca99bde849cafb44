import Extraction
import FileTrees
import Glibc
import TestSupport
import Testing

/// Images become tar archives that others read.
@Suite struct TarExporterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func export(
    _ lines: [String], _ paths: [String] = [], to name: String = "a.tar",
    xattrs: XattrPolicy = .usual
  ) throws -> TarExporter.Result {
    var options = TarExporter.Options()
    options.threads = 2
    options.xattrs = xattrs
    let file = open(folder.path(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    defer { close(file) }
    let sample = try SampleImage(lines)
    let exporter = try TarExporter(
      sample.image, to: file, path: Array(folder.path(name).utf8), options)
    var filter = PathFilter(paths.map { Array($0.utf8) }) { _ in false }
    let result = try exporter.run(&filter)
    try exporter.finish()
    return result
  }

  /// As our own reader has it.
  private func lines(_ facts: Set<Fact> = [], of name: String = "a.tar") throws -> [String] {
    let sink = MemorySink()
    let assembler = TreeAssembler(SampleImage.asItIs, content: sink)
    try ArchiveSource(path: Array(folder.path(name).utf8)).read(into: assembler)
    return try assembler.finish().lines(sink.contents, facts)
  }

  private static let all = [
    "d d mode=700 owner=1:2 time=3", "f d/a hello mode=4755 owner=70000000:5 time=4294967295",
    "h d/b = d/a mode=4755 owner=70000000:5 time=4294967295",
    "l l -> d/a mode=777 owner=0:0 time=0",
    "c n 1,3 mode=666 owner=0:0 time=5", "p p mode=600 owner=0:0 time=6",
    "f x  mode=644 owner=0:0 time=7 x:user.note=yes",
  ].map { $0.replacing("  ", with: " ") }

  @Test func allComesBackAsItWas() throws {
    let result = try export(Self.all)
    #expect(try lines([.mode, .owner, .time, .xattrs]) == Self.all)
    #expect(result.files == 7 && result.bytes == 5 && result.warnings == [])
  }

  @Test func bsdtarReadsIt() throws {
    _ = try export(Self.all)
    let text = try Tool.check(
      ["env", "TZ=UTC", "LC_ALL=C", "bsdtar", "--numeric-owner", "-tvf", folder.path("a.tar")]
    ).text
    let rows = text.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(
      rows.map { "\($0[0]) \($0[2]) \($0[3]) \($0[8...].joined(separator: " "))" } == [
        "drwxr-xr-x 0 0 ./", "drwx------ 1 2 ./d/", "-rwsr-xr-x 70000000 5 ./d/a",
        "hrwsr-xr-x 70000000 5 ./d/b link to ./d/a", "lrwxrwxrwx 0 0 ./l -> d/a",
        "crw-rw-rw- 0 0 ./n", "prw------- 0 0 ./p", "-rw-r--r-- 0 0 ./x",
      ])
    #expect(
      try Tool.check(["bsdtar", "-xOf", folder.path("a.tar"), "./d/a"]).text == "hello")
  }

  @Test(
    arguments: [
      (["d"], ["d d", "f d/a hello", "h d/b = d/a"], []),
      (["d/b", "y"], ["d d", "f d/b hello"], ["y"]),
      (["**/a"], ["d d", "f d/a hello"], []),
    ] as [([String], [String], [String])])
  func whatIsChosenGoesIn(paths: [String], result: [String], missing: [String]) throws {
    let found = try export(Self.all, paths)
    #expect(try lines() == result)
    #expect(found.missing == missing.map { Array($0.utf8) })
  }

  @Test(arguments: [
    (["s a", "s b"], "2 sockets left out: tar cannot hold them"),
    (
      ["f a x:user.%=1"],
      "1 extended attribute with an odd name: all but plain ASCII is written as %FF"
    ),
    (
      ["f a x:security.selinux=1"],
      "1 machine-specific extended attribute left out (such as security.selinux); --xattrs all "
        + "keeps it"
    ),
  ])
  func whatTarCannotHoldIsSaid(entries: [String], warning: String) throws {
    #expect(try export(entries).warnings == [warning])
  }

  @Test(
    arguments: [
      ("a.tar.gz", [0x1f, 0x8b]), ("a.tgz", [0x1f, 0x8b]), ("a.tar.xz", [0xfd, 0x37]),
      ("a.tar.zst", [0x28, 0xb5]), ("a.tar.bz2", [0x42, 0x5a]), ("a.tar.lz4", [0x04, 0x22]),
      ("a.tar.lz", [0x4c, 0x5a]),
    ] as [(String, [UInt8])])
  func theNameSaysHowItIsCompressed(name: String, start: [UInt8]) throws {
    _ = try export(["f a hello"], to: name)
    #expect(try folder.read(name).starts(with: start))
    #expect(try lines(of: name) == ["f a hello"])
  }

  @Test(arguments: [
    ("a.tar", true), ("a.TAR.GZ", true), ("-", true), ("a", true), ("a.zip", false),
    ("a.squash", false), ("a.7Z", false), ("a.cpio", false), ("a.tar.br", false),
  ])
  func otherArchivesAreNotWritten(name: String, isFine: Bool) {
    #expect(TarExporter.canWrite(Array(name.utf8)) == isFine)
  }

  /// Holes stay holes, and data stays where it was.
  @Test func sparseFilesStaySparse() throws {
    let zeros = String(repeating: "\u{0}", count: 1 << 20)
    _ = try export(["f a x\(zeros)y"])
    #expect(try folder.read("a.tar").count < 100_000)
    try Tool.check(["tar", "-xf", "a.tar"], in: folder.root)
    #expect(
      try folder.read("a")
        == [UInt8(ascii: "x")] + [UInt8](repeating: 0, count: 1 << 20) + [UInt8(ascii: "y")])
  }
}

import TestSupport
import Testing

/// `info --cost`: the cost of reading an image from a bucket. Benchmarks/s3 shows that s3fs agrees.
@Suite struct CostTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "-p", "tree/sub/deep"], in: folder.root)
    // Incompressible data; making it in this process takes long without optimization.
    for name in ["a", "sub/deep/far", "z"] {
      try Tool.check(["sh", "-c", "head -c 6000000 /dev/urandom > tree/\(name)"], in: folder.root)
    }
    for number in 0..<500 { try folder.write("tree/sub/f\(number)", Array("\(number)".utf8)) }
    try folder.write("list", Array("sub/deep/far\nsub/f7\nsub/gone\n".utf8))
  }

  private struct Row { var requests = 0, waves = 0, bytes = 0 }

  /// The rows of the report, by their first words.
  private func cost(_ options: [String], image: [String] = []) throws -> [String: Row] {
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-f", "-q", "-o", "image", "--level", "0"] + image,
      in: folder.root)
    let result = try Tool.run(
      [Tool.autosquash, "info", "--cost", "--json"] + options, in: folder.root)
    try #require(result.status == 0, "\(result.summary)")
    var rows: [String: Row] = [:]
    let pattern = try Regex(
      #"\{"action": "([^"]*)", "requests": (\d+), "waves": (\d+), "bytes": (\d+)"#)
    for match in result.text.matches(of: pattern) {
      func text(_ index: Int) -> String { String(match[index].substring ?? "") }
      rows[text(1)] = Row(
        requests: Int(text(2))!, waves: Int(text(3))!, bytes: Int(text(4))!)
    }
    return rows
  }

  @Test func aMountIsTheSuperblockTheEndAndTheTables() throws {
    let rows = try cost(["image", "--parallel", "1"])
    let mount = try #require(rows["mount"])
    #expect(mount.requests == 3 && mount.waves == 3)
    #expect((5 << 20...(5 << 20) + 40_000).contains(mount.bytes))
    let list = try #require(rows["ls -l"])
    #expect(list.requests == 3)
    let all = try #require(rows["ls -lR"])
    #expect(all.requests == 3)
  }

  @Test func tablesInFrontComeWithTheSuperblock() throws {
    let rows = try cost(["image", "--parallel", "1"], image: ["--layout", "front"])
    #expect(rows["ls -lR"]?.requests == 2)
  }

  @Test func filesAndListsAreRead() throws {
    let rows = try cost(["image", "sub/deep/far", "--parallel", "1", "--trace", "list"])
    let cat = try #require(rows["cat sub/deep/far"])
    #expect((4...6).contains(cat.requests) && cat.bytes > 10 << 20)
    #expect(rows["list (2 files)"] != nil, "\(rows)")
    let directory = try cost(["image", "sub"])
    #expect(directory["ls -l sub"] != nil)
  }

  @Test func linksAndDevicesAreNoFiles() throws {
    try Tool.check(["ln", "-s", "sub", "tree/link"], in: folder.root)
    try Tool.check(["mkfifo", "tree/pipe"], in: folder.root)
    let rows = try cost(["image", "link"])
    #expect(rows["ls -l link"] != nil, "\(rows)")
    let pipe = try Tool.autosquash("info", "--cost", "image", "pipe", in: folder.root)
    #expect(pipe.errors.contains("pipe is neither a directory nor a regular file"))
  }

  @Test func theReportIsForPeople() throws {
    _ = try cost(["image"])
    let shown = try Tool.autosquash(
      "info", "--cost", "image", "a", "--trace", "list", in: folder.root)
    #expect(shown.status == 0)
    #expect(shown.text.contains("multipart_size=5,parallel_count=2"))
    #expect(shown.text.contains("requests     waves     bytes   network"))
    #expect(shown.text.contains("\ncat a "))
    #expect(shown.errors.contains("1 of the list's 3 paths match no file here"), "\(shown.summary)")
    #expect(try Tool.autosquash("info", "image", "--trace", "list", in: folder.root).status == 64)
    let small = try Tool.autosquash("info", "--cost", "image", "--part-size", "1", in: folder.root)
    #expect(small.status == 64 && small.errors.contains("5 to 10000"))
  }
}

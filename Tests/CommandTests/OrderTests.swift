import TestSupport
import Testing

/// `pack --order`: the files a program reads come first, in that order, and nothing is lost.
@Suite struct OrderTests {
  private let folder: TemporaryFolder
  private static let seed: UInt64 = 6

  init() throws {
    folder = try TemporaryFolder()
    var random = SeededGenerator(Self.seed)
    func noise(_ count: Int) -> [UInt8] {
      (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    for part in ["cold", "hot"] { try Tool.check(["mkdir", "-p", folder.path("tree/\(part)")]) }
    for name in ["a", "b", "c"] {
      try folder.write("tree/cold/\(name)", noise(40_000))
      try folder.write("tree/hot/\(name)", noise(name == "b" ? 300_000 : 7_000))
    }
    try folder.write("tree/hot/same-as-cold", try folder.read("tree/cold/a"))
    try folder.write("tree/hot/empty", [])
    try Tool.check(["truncate", "-s", "1M", folder.path("tree/hot/holes")])
    try Tool.check(["sh", "-c", "echo end >>'\(folder.path("tree/hot/holes"))'"])
    try folder.write("order", Array("/hot/b\n./hot/a\ncold/c\nhot\n".utf8))
  }

  private func pack(_ source: String, _ options: [String] = []) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash, "pack", source, "-f", "-o", "image", "--order", "order"] + options,
      in: folder.root)
  }

  /// The location of a file's data: its blocks, or the fragment and the offset in it.
  private func place(of path: String) throws -> [Int] {
    let text = try Tool.autosquash("info", "--json", "image", path, in: folder.root).text
    func number(_ key: String) -> Int? {
      guard let match = try? Regex("\"\(key)\": ?([0-9]+)").firstMatch(in: text) else { return nil }
      return match[1].substring.flatMap { Int($0) }
    }
    if let start = number("dataStart") { return [start] }
    return [try #require(number("fragmentStart"), "\(text)"), number("fragmentOffset") ?? 0]
  }

  @Test func directoriesAndArchivesBecomeTheSameImage() throws {
    #expect(try pack("tree").status == 0)
    let directory = try folder.read("image")
    try Tool.check(["tar", "--sort=name", "-cf", "tar", "-C", "tree", "."], in: folder.root)
    #expect(try pack("tar").status == 0)
    #expect(try folder.read("image") == directory)
    // The top directory, which becomes the root, is not in the paths of the order.
    try Tool.check(["tar", "--sort=name", "-cf", "tar", "tree"], in: folder.root)
    #expect(try pack("tar", ["--threads", "1"]).status == 0)
    #expect(try folder.read("image") == directory)
  }

  @Test func orderedDataLiesFirst() throws {
    #expect(try pack("tree").status == 0)
    let order = try ["hot/b", "hot/a", "cold/c", "hot/c", "hot/same-as-cold", "cold/a", "cold/b"]
      .map { ($0, try place(of: $0)) }
    for (first, second) in zip(order, order.dropFirst()) {
      #expect(first.1.lexicographicallyPrecedes(second.1), "\(first) \(second)")
    }
    #expect(order[0].1 == [106])  // behind the superblock and the compressor's options
  }

  /// A mark says how much to fetch beforehand, for those who read the image over a network.
  @Test(arguments: ["standard", "front"]) func theOrderedDataIsMarked(layout: String) throws {
    try folder.write("order", Array("hot/b\n".utf8))
    #expect(try pack("tree", ["--layout", layout]).status == 0)
    let info = try Tool.autosquash("info", "--json", "image", in: folder.root).text
    #expect(info.contains("\"orderedBytes\": 300000,"), "\(info)")
    let clean = try Tool.autosquash("verify", "image", in: folder.root)
    #expect(clean.status == 0 && !clean.summary.contains("warning"), "\(clean.summary)")
    #expect(try folder.read("image").count % 4096 == 0)

    // Any other bytes behind the image are reported.
    var bytes = try folder.read("image")
    let mark = try #require(bytes.firstRange(of: Array("sqfsORDR".utf8))).lowerBound
    bytes[mark + 20] ^= 1
    try folder.write("image", bytes)
    let damaged = try Tool.autosquash("verify", "image", in: folder.root)
    #expect(damaged.summary.contains("after the image's end"), "\(damaged.summary)")
    let other = try Tool.autosquash("info", "--json", "image", in: folder.root).text
    #expect(!other.contains("orderedBytes"))
  }

  @Test func nothingIsLost() throws {
    for options in [[], ["--block-size", "4K"], ["--compression", "zstd"]] {
      let result = try pack("tree", options)
      #expect(result.status == 0, "\(result.summary)")
      let verified = try Tool.autosquash(
        "verify", "image", "--against", "tree", in: folder.root)
      #expect(verified.status == 0, "\(verified.summary)")
      #expect(!verified.summary.contains("belong to nothing"))
      try Tool.check(["rm", "-rf", "out"], in: folder.root)
      try Tool.check(["unsquashfs", "-q", "-n", "-d", "out", "image"], in: folder.root)
      try Tool.check(["diff", "-r", "tree", "out"], in: folder.root)
    }
  }

  @Test func pathsThatAreNotThereAreCounted() throws {
    try folder.write("order", Array("hot/a\0no/such\0cold\0".utf8))
    let result = try pack("tree")
    #expect(result.status == 0)
    #expect(result.errors.contains("1 path of --order matches no packed file"), "\(result.summary)")
    let dry = try pack("tree", ["--dry-run"])
    #expect(dry.errors.contains("1 path of --order matches no packed file"), "\(dry.summary)")
  }

  /// Even names that do not bring the bytes.
  @Test func hardLinksAreKnown() throws {
    try Tool.check(["ln", "tree/cold/a", "tree/hot/link"], in: folder.root)
    try folder.write("order", Array("hot/link\ncold/a\n".utf8))
    let result = try pack("tree")
    #expect(result.status == 0 && !result.errors.contains("--order"), "\(result.summary)")
  }

  @Test func anOrderMayComeThroughAPipe() throws {
    #expect(try pack("tree").status == 0)
    let image = try folder.read("image")
    let piped = try Tool.run(
      [Tool.autosquash, "pack", "tree", "-f", "-o", "image", "--order", "/dev/stdin"],
      in: folder.root, input: try folder.read("order"))
    #expect(piped.status == 0, "\(piped.summary)")
    #expect(try folder.read("image") == image)
  }

  @Test func anOrderThatCannotBeReadMakesNothing() throws {
    try Tool.check(["rm", "order"], in: folder.root)
    let result = try pack("tree")
    #expect(result.status == 2 && result.errors.contains("order: cannot read"), "\(result.summary)")
    #expect(!folder.exists("image"))
  }
}

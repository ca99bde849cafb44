import Foundation
import Glibc
import TestSupport
import Testing

/// `pack --layout front`: the tables come before the data. `MountedImageTests` shows that other
/// programs can read such images.
@Suite struct LayoutTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "-p", folder.path("tree/sub")])
    for number in 0..<3000 { try folder.write("tree/sub/file \(number)", Array("\(number)".utf8)) }
  }

  /// Packs `tree`, proves the image intact and equal to it, and returns its facts.
  private func pack(_ options: [String] = [], from source: String = "tree") throws -> String {
    let result = try Tool.run(
      [Tool.autosquash, "pack", source, "-f", "-o", "image", "--layout", "front"] + options,
      in: folder.root)
    try #require(result.status == 0, "\(result.summary)")
    let verified = try Tool.autosquash("verify", "image", "--against", "tree", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
    #expect(!verified.summary.contains("warning"), "\(verified.summary)")
    return try Tool.autosquash("info", "--json", "image", in: folder.root).text
  }

  private func number(_ key: String, in json: String) throws -> UInt64 {
    let match = try Regex("\"\(key)\": ?([0-9]+)").firstMatch(in: json)
    return try #require(match?[1].substring.flatMap { UInt64($0) }, "\(key) in \(json)")
  }

  private func dataStart(of path: String) throws -> UInt64 {
    let json = try Tool.autosquash("info", "--json", "image", path, in: folder.root).text
    return try number("dataStart", in: json)
  }

  private func addNoise(_ name: String, blocks: Int, seed: UInt64) throws {
    var random = SeededGenerator(seed)
    try folder.write(
      name, (0..<blocks * 131_072).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  @Test(arguments: [[], ["--compression", "none"], ["--exports"], ["--level", "0"]])
  func tablesLieBeforeTheData(options: [String]) throws {
    try addNoise("tree/noise", blocks: 3, seed: 1)
    let facts = try pack(options)
    let inodes = try number("inodeTable", in: facts)
    let directories = try number("directoryTable", in: facts)
    let data = try dataStart(of: "noise")
    #expect(inodes < 128)
    #expect(inodes < directories && directories < data)
    let ids = try number("idTable", in: facts)
    #expect(ids > data)
  }

  /// Over a network the root's inode is read first, and the bytes behind it come along.
  @Test func theRootIsTheFirstInode() throws {
    let facts = try pack(["--layout", "standard"])
    let root = try Tool.autosquash("info", "--json", "image", "/", in: folder.root).text
    #expect(try number("inode", in: root) == 3002)
    let image = try folder.read("image")
    #expect(image[32..<40].allSatisfy { $0 == 0 })
    let inodes = Int(try number("inodeTable", in: facts))
    // Uncompressed, since the root's listing is known last.
    #expect(image[inodes..<inodes + 2].elementsEqual([0x00, 0xa0]))
  }

  /// A root whose listing needs an index comes last.
  @Test func aRootWithManyEntries() throws {
    try Tool.check(["mv", "tree/sub", "flat"], in: folder.root)
    try Tool.check(["rm", "-r", "tree"], in: folder.root)
    try Tool.check(["mv", "flat", "tree"], in: folder.root)
    _ = try pack(["--layout", "standard"])
    #expect(try folder.read("image")[32..<40].contains { $0 != 0 })
    let listed = try Tool.check(["unsquashfs", "-l", "image"], in: folder.root).text
    #expect(listed.split(separator: "\n").count == 3001)
  }

  @Test func aTarballGivesTheSameBytes() throws {
    try addNoise("tree/noise", blocks: 1, seed: 2)
    _ = try pack()
    let image = try folder.read("image")
    try Tool.check(["tar", "--sort=name", "-cf", "tar", "tree"], in: folder.root)
    _ = try pack(["--threads", "1"], from: "tar")
    #expect(try folder.read("image") == image)
  }

  /// Some file systems move data without copying it, others cannot.
  @Test func theFileSystemDoesNotMatter() throws {
    try addNoise("tree/noise", blocks: 40, seed: 7)
    _ = try pack()
    let image = try folder.read("image")
    let memory = "/dev/shm/autosquash-layout-\(getpid())"
    defer { unlink(memory) }
    let result = try Tool.autosquash(
      "pack", "tree", "--layout", "front", "-o", memory, in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: memory)).elementsEqual(image))
  }

  @Test func theAccessOrderHolds() throws {
    try addNoise("tree/cold", blocks: 2, seed: 3)
    try addNoise("tree/hot", blocks: 2, seed: 4)
    try folder.write("order", Array("hot\n".utf8))
    let facts = try pack(["--order", "order"])
    let (hot, cold) = (try dataStart(of: "hot"), try dataStart(of: "cold"))
    #expect(hot < cold)
    let directories = try number("directoryTable", in: facts)
    #expect(directories < hot)
    #expect(hot % 4096 == 0)
  }

  /// Without fragments no other table says where the directories end.
  @Test func wholeBlocksOnly() throws {
    try Tool.check(["rm", "-r", folder.path("tree/sub")])
    try addNoise("tree/noise", blocks: 2, seed: 5)
    let facts = try pack()
    #expect(try number("fragments", in: facts) == 0)
    try Tool.check(["unsquashfs", "-q", "-n", "-d", "out", "image"], in: folder.root)
    try Tool.check(["diff", "-r", "tree", "out"], in: folder.root)
    try Tool.check(["rm", folder.path("tree/noise")])
    _ = try pack()
  }

  @Test func garbageBetweenTablesAndDataIsFound() throws {
    try addNoise("tree/noise", blocks: 1, seed: 6)
    _ = try pack()
    var image = try folder.read("image")
    let last = Int(try dataStart(of: "noise")) - 1
    try #require(image[last] == 0)
    image[last] = 1
    try folder.write("image", image)
    let result = try Tool.autosquash("verify", "image", in: folder.root)
    #expect(result.summary.contains("belong to nothing"), "\(result.summary)")
  }

  @Test func anotherLayoutIsRefused() throws {
    let result = try Tool.autosquash("pack", "tree", "--layout", "back", in: folder.root)
    #expect(
      result.status == 64 && result.errors.contains("'standard' and 'front'"), "\(result.summary)")
  }
}

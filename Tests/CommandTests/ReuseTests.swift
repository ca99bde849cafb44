import Foundation
import Glibc
import TestSupport
import Testing

/// `pack --reuse`: the image is the one that pack writes without it, sooner.
@Suite struct ReuseTests {
  private let folder: TemporaryFolder
  private static let methods = ["xz", "gzip", "zstd", "lz4"]

  init() throws { folder = try TemporaryFolder() }

  // MARK: Trees

  /// Files of many sizes, with blocks of 4 KiB: text, noise, holes, copies, links, tails.
  private func makeTree(_ seed: UInt64) throws {
    var random = SeededGenerator(seed)
    for part in ["a", "b/c", "d"] { try Tool.check(["mkdir", "-p", folder.path("tree/\(part)")]) }
    for number in 0..<24 {
      let part = ["a", "b", "b/c", "d"][number % 4]
      let size = [300, 4096, 20_000, 50_000][Int.random(in: 0..<4, using: &random)]
      let count = Int.random(in: 0...size, using: &random)
      try folder.write(
        "tree/\(part)/f\(number)",
        number % 5 == 0 ? Self.noise(count, &random) : Self.text(count, &random))
    }
    try folder.write("tree/a/large", Self.text(90_000, &random))
    try folder.write("tree/d/copy", try folder.read("tree/a/large"))
    try Tool.check(
      [
        "sh", "-c",
        "ln a/large b/hard; ln -s a/large link; cp a/f4 d/tail; cp a/f0 d/sparse; : >empty;"
          + " truncate -s +30000 d/sparse; echo end >>d/sparse; truncate -s 20000 d/hole",
      ], in: folder.path("tree"))
  }

  /// Changes, removes, adds and moves some of its files.
  private func changeTree(_ seed: UInt64) throws {
    var random = SeededGenerator(seed + 1000)
    let files = try Tool.check(["find", "tree", "-type", "f", "-size", "+1"], in: folder.root).text
      .split(separator: "\n").map(String.init).sorted()
    for file in files where Int.random(in: 0..<3, using: &random) == 0 {
      let bytes = try folder.read(file)
      guard !bytes.isEmpty else { continue }
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let some = Self.text(Int.random(in: 1...6000, using: &random), &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0: try folder.write(file, bytes + some)
      case 1: try folder.write(file, Array(bytes[..<place]))
      case 2: try folder.write(file, some)
      case 3: try folder.write(file, bytes[..<place] + some + bytes[place...])
      case 4: try Tool.check(["rm", file], in: folder.root)
      case 5: try Tool.check(["mv", file, "tree/d/moved\(place)"], in: folder.root)
      case 6: try folder.write("tree/b/added\(place)", some)
      default:
        try folder.write(
          file,
          bytes[..<place] + bytes[place...].prefix(100).map { ~$0 }
            + bytes[place...].dropFirst(100))
      }
    }
  }

  private static func text(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      bytes += Array("line \(UInt16.random(in: 0...999, using: &random)) of a text\n".utf8)
    }
    return Array(bytes.prefix(count))
  }

  private static func noise(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  // MARK: Packing

  private static let blocks = ["--block-size", "4K"]

  @discardableResult
  private func pack(_ source: String, _ image: String, _ options: [String]) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash, "pack", source, "-f", "-o", image] + options, in: folder.root)
  }

  /// Packs with and without the old image, and expects the same bytes.
  ///
  /// - Returns: the result with it, as JSON.
  @discardableResult
  private func expectSame(
    _ source: String = "tree", old: String = "old.squash", _ options: [String] = blocks
  ) throws -> (json: [String: Any], errors: String) {
    let plain = try pack(source, "plain.squash", options)
    #expect(plain.status == 0, "\(plain.summary)")
    let result = try pack(source, "new.squash", options + ["--reuse", old, "--json"])
    #expect(result.status == 0, "\(result.summary)")
    #expect(
      try folder.read("new.squash") == folder.read("plain.squash"), "\(source) \(options)")
    let json = try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any]
    return (try #require(json), result.errors)
  }

  private func number(_ key: String, _ json: [String: Any]) throws -> Int {
    try #require(json[key] as? Int)
  }

  /// Expects an image that `verify` has nothing to say about and that other tools unpack.
  private func expectWhole(_ image: String) throws {
    let verified = try Tool.autosquash("verify", image, "--against", "tree", in: folder.root)
    #expect(verified.status == 0 && !verified.summary.contains("warning"), "\(verified.summary)")
    try Tool.check(["rm", "-rf", "out"], in: folder.root)
    try Tool.check(["unsquashfs", "-q", "-n", "-d", "out", image], in: folder.root)
    try Tool.check(["diff", "-r", "--no-dereference", "tree", "out"], in: folder.root)
  }

  // MARK: The same bytes

  @Test(arguments: methods, 0..<3 as Range<UInt64>)
  func theImageIsTheOneWithoutIt(method: String, seed: UInt64) throws {
    let options = Self.blocks + ["--compression", method]
    try makeTree(seed)
    try pack("tree", "old.squash", options)
    let unchanged = try expectSame("tree", options)
    try changeTree(seed)
    try Tool.check(["tar", "--sort=name", "-cf", "new.tar", "-C", "tree", "."], in: folder.root)
    var results = [unchanged.json]
    for threads in ["1", "2", "4"] {
      results.append(try expectSame("tree", options + ["--threads", threads]).json)
    }
    results.append(try expectSame("new.tar", options).json)
    try Tool.check(
      [
        "sh", "-c",
        "cat new.tar | '\(Tool.autosquash)' pack - -f -o piped.squash --reuse old.squash "
          + options.joined(separator: " "),
      ], in: folder.root)
    #expect(try folder.read("piped.squash") == folder.read("plain.squash"))
    let counts = try results.map { try number("reusedBlocks", $0) }
    #expect(counts.allSatisfy { $0 > 10 }, "\(counts)")
    #expect(Set(counts[1...]).count == 1, "\(counts)")
    try expectWhole("new.squash")
  }

  @Test(arguments: [
    ["--order", "order"], ["--layout", "front"], ["--prefix", "x/y"], ["--manifest"],
    ["--exclude", "b"], ["--no-probe"], ["--no-hard-links"], ["--exports"],
  ])
  func everyOptionGoesWithIt(options: [String]) throws {
    try makeTree(7)
    try folder.write("order", Array("d\na/large\n".utf8))
    let all = Self.blocks + options
    try pack("tree", "old.squash", all)
    try changeTree(7)
    #expect(try number("reusedBlocks", try expectSame("tree", all).json) > 10)
  }

  /// A tree without copies and holes, which are not counted.
  @Test func allOfAnUnchangedTreeIsTakenOver() throws {
    var random = SeededGenerator(3)
    try Tool.check(["mkdir", "-p", folder.path("tree/sub")])
    for number in 0..<40 {
      let size = Int.random(in: 1...30_000, using: &random)
      let name = number % 2 == 0 ? "tree/\(number)" : "tree/sub/\(number)"
      try folder.write(
        name, number % 7 == 0 ? Self.noise(size, &random) : Self.text(size, &random))
    }
    try Tool.check(["tar", "-cf", "one-top.tar", "tree"], in: folder.root)
    try pack("tree", "old.squash", Self.blocks)
    // The archive's names have a directory more, and come in any order.
    for source in ["tree", "one-top.tar"] {
      let json = try expectSame(source).json
      if source == "tree" {
        #expect(try number("reusedBytes", json) == number("bytes", json))
      } else {
        // Its files' ends go together in another order.
        #expect(try number("reusedBytes", json) > number("bytes", json) / 2)
      }
    }
    try pack("one-top.tar", "old.squash", Self.blocks)
    let json = try expectSame("one-top.tar").json
    #expect(try number("reusedBytes", json) == number("bytes", json))
    let line = try pack("tree", "new.squash", Self.blocks + ["--reuse", "old.squash"]).errors
    #expect(line.contains(" reused from old.squash, "), "\(line)")
  }

  @Test func movedFilesAreFound() throws {
    var random = SeededGenerator(4)
    try Tool.check(["mkdir", "-p", folder.path("tree/v1")])
    for number in 0..<10 {
      // All of one size, so that only their contents tell which is which.
      try folder.write("tree/v1/\(number)", Self.text(4096 * 10, &random))
    }
    try pack("tree", "old.squash", Self.blocks)
    try Tool.check(
      ["sh", "-c", "mv v1 v2; for i in 0 1 2; do mv v2/$i v2/x$i; done"],
      in: folder.path("tree"))
    let json = try expectSame().json
    #expect(try number("reusedBytes", json) == number("bytes", json))
  }

  /// After a change in the middle of a file, and of many files in a row that are not there.
  @Test func whatFollowsAChangeIsTakenOver() throws {
    var random = SeededGenerator(5)
    try Tool.check(["mkdir", folder.path("tree")])
    let text = Self.text(4096 * 100, &random)
    try folder.write("tree/m", text)
    try pack("tree", "old.squash", Self.blocks)
    try folder.write("tree/m", text[..<9000] + Self.text(90_000, &random) + text[99_000...])
    for number in 0..<30 { try folder.write("tree/k\(number)", Self.text(5000, &random)) }
    let json = try expectSame().json
    #expect(try number("reusedBlocks", json) == 100 - 23)
  }

  @Test func theImageToReplaceMayBeReused() throws {
    try makeTree(8)
    try pack("tree", "x.squash", Self.blocks)
    try changeTree(8)
    try pack("tree", "plain.squash", Self.blocks)
    let result = try pack("tree", "x.squash", Self.blocks + ["--reuse", "x.squash"])
    #expect(result.status == 0 && result.errors.contains(" reused from x.squash"))
    #expect(try folder.read("x.squash") == folder.read("plain.squash"))
  }

  @Test func theOldImageMayBeInAContainer() throws {
    try makeTree(9)
    try pack("tree", "old.squash", Self.blocks)
    try folder.write(
      "container",
      Array("#!/bin/sh\n".utf8) + [UInt8](repeating: 0, count: 9000)
        + (try folder.read("old.squash")))
    let result = try expectSame(old: "container")
    #expect(try number("reusedBlocks", result.json) > 50 && !result.errors.contains("warning"))
  }

  // MARK: Images of other programs

  @Test(arguments: methods + ["xz -Xbcj x86", "gzip -no-fragments", "xz -noF"])
  func imagesOfOtherProgramsCanBeReused(method: String) throws {
    try makeTree(10)
    // Code, so that a filter for it pays.
    try Tool.check(["cp", Tool.autosquashMap, "tree/program"], in: folder.root)
    let codec = String(method.prefix { $0 != " " })
    var commands = ["mksquashfs tree old.squash -quiet -no-progress -b 16K -comp \(method)"]
    if method == codec {
      commands += [
        "gensquashfs -q -b 16K -D tree -c \(codec) old.squash",
        "tar -cC tree . | tar2sqfs -q -b 16K -c \(codec) old.squash",
      ]
    }
    for command in commands {
      try Tool.check(["rm", "-f", folder.path("old.squash")])
      try Tool.check(["sh", "-c", command], in: folder.root)
      let options = ["-b", "16K", "--compression", codec, "--json", "--reuse", "old.squash"]
      let result = try pack("tree", "new.squash", options)
      #expect(result.status == 0 && !result.errors.contains("warning: "), "\(result.summary)")
      let json = try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any]
      #expect(try number("reusedBlocks", try #require(json)) > 50, "\(command): \(result.summary)")
      try expectWhole("new.squash")
    }
  }

  // MARK: Old images that cannot be reused

  @Test(arguments: [
    (["--compression", "zstd"], "it was packed with zstd, this image with xz"),
    (["--compression", "none"], "its blocks are not compressed"),
    (["--block-size", "8K"], "it was packed with blocks of 8 KiB, this image with 4 KiB"),
  ])
  func anotherFormIsAWarning(options: [String], reason: String) throws {
    try makeTree(11)
    try pack("tree", "old.squash", Self.blocks + options)
    let result = try expectSame()
    #expect(
      result.errors.contains(
        "autosquash: old.squash: warning: nothing of it can be reused: \(reason)\n"),
      "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count { $0.contains("old.squash") } == 1)
    #expect(try number("reusedBlocks", result.json) == 0)
  }

  @Test(arguments: [
    ("gzip", "1", "9", "gzip level 1, this image with gzip level 9"),
    ("zstd", "3", "15", "zstd level 3, this image with zstd level 15"),
    ("lz4", "9", "1", "lz4 level 3 or higher, this image with lz4 level 1 or 2"),
  ])
  func anotherLevelIsAWarning(method: String, old: String, new: String, reason: String) throws {
    try makeTree(12)
    let options = Self.blocks + ["--compression", method]
    try pack("tree", "old.squash", options + ["--level", old])
    let result = try expectSame("tree", options + ["--level", new])
    #expect(result.errors.contains("it was packed with \(reason)"), "\(result.errors)")
  }

  @Test func whatIsNoImageIsAWarning() throws {
    try makeTree(13)
    try pack("tree", "old.squash", Self.blocks)
    let whole = try folder.read("old.squash")
    try Tool.check(
      ["sh", "-c", "mkdir dir; echo text >text; : >empty; mkfifo pipe"], in: folder.root)
    try folder.write("cut", Array(whole[..<(whole.count / 2)]))
    for (old, reason) in [
      ("dir", "a directory, not an image"), ("text", "not a SquashFS image"),
      ("empty", "the file is empty"), ("pipe", "this is a pipe"), ("missing", "No such file"),
      ("cut", "bytes short"),
    ] {
      let result = try expectSame(old: old)
      #expect(
        result.errors.hasPrefix("autosquash: \(old): warning: cannot be reused: ")
          && result.errors.contains(reason), "\(old): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count { $0.contains("\(old): ") } == 1)
    }
  }

  @Test func anUnreadableImageIsAWarning() throws {
    try makeTree(14)
    try Tool.check(
      ["sh", "-c", "chmod -R a+rX . && chmod 777 . && echo x >old && chmod 0 old"],
      in: folder.root)
    let command =
      geteuid() == 0 ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : []
    let result = try Tool.run(
      command + [Tool.autosquash, "pack", "tree", "-o", "new.squash", "--reuse", "old"],
      in: folder.root)
    #expect(
      result.status == 0 && result.errors.contains("old: warning: cannot be reused: ")
        && result.errors.contains("Permission denied"), "\(result.summary)")
  }

  /// Flipped bits anywhere cost time, never a byte of the new image.
  @Test(arguments: methods, 0..<2 as Range<UInt64>)
  func aDamagedImageDoesNoDamage(method: String, seed: UInt64) throws {
    let options = Self.blocks + ["--compression", method]
    try makeTree(15)
    try pack("tree", "old.squash", options)
    try pack("tree", "plain.squash", options)
    let whole = try folder.read("old.squash")
    let plain = try folder.read("plain.squash")
    var random = SeededGenerator(seed)
    for _ in 0..<10 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...20, using: &random) {
        // The tables, which are the smaller part, as often as the data.
        let start = Bool.random(using: &random) ? 0 : bytes.count * 9 / 10
        let place = Int.random(in: start..<bytes.count, using: &random)
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      try folder.write("old.squash", bytes)
      let result = try pack("tree", "new.squash", options + ["--reuse", "old.squash"])
      #expect(result.status == 0, "\(result.summary)")
      #expect(try folder.read("new.squash") == plain)
    }
  }

  @Test func damagedBlocksAreCounted() throws {
    try makeTree(16)
    try pack("tree", "old.squash", Self.blocks)
    var bytes = try folder.read("old.squash")
    // The data begins after the superblock; xz notices any change.
    for place in [200, 2000, 5000] { bytes[place] ^= 1 }
    try folder.write("old.squash", bytes)
    let result = try expectSame()
    let count = try #require(
      try Regex("old.squash: warning: is damaged: ([0-9]+) blocks? cannot be unpacked")
        .firstMatch(in: result.errors)?[1].substring.flatMap { Int($0) }, "\(result.errors)")
    #expect((1...3).contains(count))
    #expect(result.errors.contains("autosquash verify old.squash"))
    #expect(try number("reusedBlocks", result.json) > 50)
  }

  // MARK: Usage

  @Test func uselessUsesAreRefused() throws {
    try makeTree(17)
    for (arguments, message) in [
      (["tree", "-o", "x", "--compression", "none"], "--reuse has no use with --compression none"),
      (["tree", "tree/a"], "--reuse is for one image"),
    ] {
      let result = try Tool.run(
        [Tool.autosquash, "pack", "--reuse", "old.squash"] + arguments, in: folder.root)
      #expect(result.status == 64 && result.errors.contains(message), "\(result.summary)")
    }
    let empty = try Tool.autosquash("pack", "tree", "--reuse", "", in: folder.root)
    #expect(empty.status == 64 && empty.errors.contains("without a name"), "\(empty.summary)")
    let dry = try Tool.autosquash("pack", "tree", "--dry-run", "--reuse", "no", in: folder.root)
    #expect(dry.status == 0 && dry.errors.isEmpty, "\(dry.summary)")
  }
}

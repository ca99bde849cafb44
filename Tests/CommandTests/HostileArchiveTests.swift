import TestSupport
import Testing

/// Whatever the bytes, the program ends with its own status, never by a signal, and unsquashfs can
/// read any image it makes.
@Suite struct HostileArchiveTests {
  private static func archive() -> [UInt8] {
    var tar = TarBuilder()
    tar.addPax([("comment", bytes("x")), ("mtime", bytes("5"))], isGlobal: true)
    tar.add("top/", type: "5", mode: 0o755)
    tar.add("top/file", bytes(String(repeating: "data ", count: 300)))
    tar.add("top/link", type: "1", link: "top/file")
    tar.add("top/soft", type: "2", link: "file")
    tar.add("top/disk", type: "4", device: (8, 1))
    tar.addPax([
      ("path", bytes("top/long")), ("SCHILY.xattr.user.a", bytes("v")), ("uid", bytes("99999")),
    ])
    tar.add("short", bytes("content"))
    tar.addPax([
      ("GNU.sparse.major", bytes("1")), ("GNU.sparse.minor", bytes("0")),
      ("GNU.sparse.name", bytes("top/sparse")), ("GNU.sparse.realsize", bytes("100000")),
    ])
    tar.add(
      "top/GNUSparseFile.0/sparse",
      bytes("1\n90000\n512\n") + [UInt8](repeating: 0, count: 500)
        + [UInt8](repeating: 1, count: 512))
    return tar.finished()
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func mutatedTarNeverCrashes(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let original = Self.archive()
    for _ in 0..<25 {
      var mutated = original
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let index = Int.random(in: 0..<mutated.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: mutated[index] = UInt8.random(in: 0...255, using: &random)
        case 1: mutated[index] = [0, 0x30, 0x37, 0x39, 0x80, 0xff].randomElement(using: &random)!
        case 2: mutated.removeSubrange(index..<min(mutated.count, index + 512))
        default:
          mutated.insert(
            contentsOf: mutated[index..<min(mutated.count, index + 512)],
            at: Int.random(in: 0...mutated.count / 512, using: &random) * 512)
        }
      }
      Self.repairChecksums(&mutated)
      let packed = try Packed(mutated)
      #expect(packed.result.status <= 2, "seed \(seed): \(packed.result.summary)")
      if packed.result.status == 0 { _ = try packed.listing() }
    }
  }

  /// Mere warnings by libarchive would leave a file under another name, or with other bytes.
  @Test(arguments: [
    ("9 path=other\n", "malformed"), ("14 path=other", "malformed"),
    ("14 pathother\n", "malformed"),
    ("x path=other\n", "malformed"), ("99999 path=other\n", "malformed"),
    // The later message, about the name's characters, hides the first.
    ("9 path=other\n15 path=other\u{1}\n", "malformed"),
    (
      "22 GNU.sparse.major=3\n22 GNU.sparse.minor=0\n24 GNU.sparse.name=other\n"
        + "29 GNU.sparse.realsize=10000\n", "sparse file format"
    ),
  ])
  func damagedHeadersAreNoWarnings(records: String, reason: String) throws {
    var tar = TarBuilder()
    tar.add("PaxHeaders/x", type: "x", bytes(records).map { $0 == 1 ? 0xff : $0 })
    tar.add("name", bytes("content"))
    let packed = try Packed(tar.finished())
    #expect(packed.result.status == 1 && packed.failed(reason), "\(packed.result.summary)")
  }

  /// A few bytes announce more zeros than could be hashed in a year.
  @Test func endlessHolesAreNotHashed() throws {
    var tar = TarBuilder()
    tar.addPax([
      ("GNU.sparse.major", bytes("1")), ("GNU.sparse.minor", bytes("0")),
      ("GNU.sparse.name", bytes("hole")), ("GNU.sparse.realsize", bytes("4611686018427387904")),
    ])
    tar.add("hole", bytes("0\n") + [UInt8](repeating: 0, count: 510))
    let folder = try TemporaryFolder()
    try folder.write("in.tar", tar.finished())
    for command in [["manifest", "in.tar"], ["diff", "in.tar", "in.tar"], ["pack", "in.tar"]] {
      let (result, _) = try Tool.measure([Tool.autosquash] + command, in: folder.root)
      #expect([1, 2].contains(result.status), "\(command): \(result.summary)")
    }
  }

  /// An archive of a few hundred bytes with sparse members of nearly 4 TiB each, which differ in
  /// their last bytes or have the same.
  private func sparseArchive(_ lastBytes: [UInt8]) -> [UInt8] {
    var tar = TarBuilder()
    for (number, byte) in lastBytes.enumerated() {
      tar.addPax([
        ("GNU.sparse.major", bytes("1")), ("GNU.sparse.minor", bytes("0")),
        ("GNU.sparse.name", bytes("s\(number)")), ("GNU.sparse.realsize", bytes("4397000000512")),
      ])
      let map = bytes("1\n4397000000000\n512\n")
      let padding = [UInt8](repeating: 0, count: 512 - map.count)
      tar.add("x", map + padding + [UInt8](repeating: byte, count: 512))
    }
    return tar.finished()
  }

  /// Holes are counted: the lists of 67 million blocks are made during writing.
  @Test(arguments: [[65, 66], [65, 65]] as [[UInt8]])
  func hugeHolesTakeNoMemory(lastBytes: [UInt8]) throws {
    let folder = try TemporaryFolder()
    try folder.write("in.tar", sparseArchive(lastBytes))
    let (result, needs) = try Tool.measure([Tool.autosquash, "pack", "in.tar"], in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(needs.memory < 100 << 20, "\(needs.memory) bytes")
    guard SystemTests.canMount else { return }
    try withMount(of: folder.path("in.squash")) { mount in
      for (number, byte) in lastBytes.enumerated() {
        let end = try Tool.check(["tail", "-c", "600", "\(mount)/s\(number)"])
        #expect(
          end.output == [UInt8](repeating: 0, count: 88) + [UInt8](repeating: byte, count: 512))
      }
    }
  }

  /// They are not hashed byte by byte either, which would take hours.
  @Test(arguments: [
    ["verify", "x.squash", "--against", "in.tar"],
    ["diff", "x.squash", "in.tar", "--ignore", "owner"],
  ])
  func hugeHolesAreComparedAsHoles(command: [String]) throws {
    let folder = try TemporaryFolder()
    try folder.write("in.tar", sparseArchive([65, 66]))
    try Tool.check(
      [Tool.autosquash, "pack", "in.tar", "-q", "-b", "1M", "-o", "x.squash"], in: folder.root)
    let (result, _) = try Tool.measure([Tool.autosquash] + command, in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
  }

  /// The size of an image's lists is limited, for one file and for all together, equal or not.
  @Test func endlessListsAreRefused() throws {
    let packed = try Packed(sparseArchive([65, 66, 65]))
    #expect(packed.failed("s2: with this file the image has more than 67,108,864 blocks"))
    let folder = try TemporaryFolder()
    try folder.write("in.tar", sparseArchive([65]))
    let one = try Tool.autosquash("pack", "-b", "64K", "in.tar", in: folder.root)
    #expect(one.status == 1 && one.errors.contains("s0: the file has more than 33,554,432 blocks"))
  }

  /// A thousand long paths in 25 KB would make two million directories.
  @Test func longPathsDoNotTakeAllMemory() throws {
    var tar = TarBuilder()
    for number in 0..<100 {
      let path = "\(number)" + String(repeating: "/d", count: 2000) + "/file"
      tar.addPax([("path", bytes(path))])
      tar.add("x", bytes("x"))
    }
    let packed = try Packed(tar.finished())
    #expect(packed.failed("directories without an entry"), "\(packed.result.summary)")
  }

  /// The data that a source keeps until its end is limited.
  @Test func headersDoNotTakeAllMemory() throws {
    var links = TarBuilder()
    links.addPax([("linkpath", [UInt8](repeating: 0x61, count: 4096))])
    links.add("link", type: "1", link: "x")
    #expect(try Packed(links.finished()).failed("a hard link whose target has more than 4,095"))
    var global = TarBuilder()
    for number in 0..<150 {
      global.addPax([("key\(number)", [UInt8](repeating: 0x61, count: 1_000_000))], isGlobal: true)
      global.add("f\(number)", bytes("x"))
    }
    let folder = try TemporaryFolder()
    try folder.write("in.tar", global.finished())
    let (result, needs) = try Tool.measure([Tool.autosquash, "pack", "in.tar"], in: folder.root)
    #expect(result.status == 0 && needs.memory < 100 << 20, "\(needs) \(result.summary)")
  }

  /// The number of lookups through symbolic links is limited.
  @Test func waysOfHardLinksEnd() throws {
    var tar = TarBuilder()
    for level in 0..<40 {
      tar.addPax([
        ("linkpath", bytes(String(repeating: "a/../", count: 800) + "s\(level + 1)"))
      ])
      tar.add("s\(level)", type: "2", link: "x")
    }
    tar.add("a/", type: "5", mode: 0o755)
    tar.add("s40/", type: "5", mode: 0o755)
    tar.add("s40/t", bytes("x"))
    for number in 0..<500 { tar.add("h\(number)", type: "1", link: "s0/t") }
    let packed = try Packed(tar.finished())
    #expect(packed.failed("on the way is a symbolic link"), "\(packed.result.summary)")
  }

  /// The image never goes to a descriptor that the caller closed.
  @Test(arguments: ["2>&-", "<&-", "--json >&-", "<&- 2>&- >&-"])
  func closedStreamsDoNotReachTheImage(closing: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("in.tar", Self.archive())
    let script = "'\(Tool.autosquash)' pack in.tar -o out.squash \(closing); true"
    try Tool.check(["sh", "-c", script], in: folder.root)
    #expect(try Tool.autosquash("verify", "out.squash", in: folder.root).status == 0)
    let output = try Tool.run(
      ["sh", "-c", "'\(Tool.autosquash)' pack in.tar -o - >&-"], in: folder.root)
    #expect(output.status == 1 && output.errors.contains("standard output"), "\(output.summary)")
  }

  /// Makes headers valid again, so that the code behind the checksum is reached.
  private static func repairChecksums(_ tar: inout [UInt8]) {
    for start in stride(from: 0, through: tar.count - 512, by: 512)
    where tar[(start + 257)..<(start + 262)].elementsEqual("ustar".utf8) {
      var sum = 8 * 32
      for index in 0..<512 where !(148..<156).contains(index) { sum += Int(tar[start + index]) }
      let digits = String(sum + 0o1000000, radix: 8).suffix(6)
      tar.replaceSubrange((start + 148)..<(start + 156), with: bytes(digits + "\u{0} "))
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func noiseInOtherFormatsNeverCrashes(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let folder = try TemporaryFolder()
    try folder.write("in.tar", Self.archive())
    for format in ["zip", "7zip", "newc", "cpio"] {
      let made = try Tool.run(
        ["bsdtar", "--format", format, "-cf", "out", "@in.tar"], in: folder.root)
      guard made.status <= 1, let original = try? folder.read("out"), !original.isEmpty else {
        continue
      }
      for _ in 0..<10 {
        var mutated = original
        for _ in 0..<4 {
          mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(
            in: 0...255, using: &random)
        }
        let packed = try Packed(mutated)
        #expect(packed.result.status <= 2, "seed \(seed) \(format): \(packed.result.summary)")
      }
    }
  }
}

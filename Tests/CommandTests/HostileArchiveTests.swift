import TestSupport
import Testing

/// Whatever bytes come, the program ends with a status of its own, never by a signal, and an
/// image it makes is one that unsquashfs reads.
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

  /// Makes headers valid again, so that what is behind the checksum is reached.
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

import TestSupport
import Testing

/// Compressed archives: the same rule for all compressors.
@Suite struct CompressedInputTests {
  private static let compressors = [
    "gzip -c", "bzip2 -c", "xz -c", "xz --format=lzma -c", "zstd -qc", "lz4 -qc", "lz4 -qlc",
    "lzip -c", "lzop -c",
  ]

  /// `in` is a compressed archive of a file with the numbers from 1 to 20,000.
  private func folder(_ compressor: String, more: String = "") throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "seq 20000 >a; tar -cf in.tar a; ({ \(compressor); } <in.tar; \(more)) >in"],
      in: folder.root)
    return folder
  }

  @Test(arguments: compressors)
  func bytesAfterTheStreamAreCounted(compressor: String) throws {
    let folder = try folder(compressor, more: "head -c 300 /dev/zero; echo signature")
    let result = try Tool.autosquash("pack", "in", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.errors.contains("warning: 10 bytes after the end of the "))
    #expect(try content(of: "a", in: folder.path("in.squash")) == folder.read("a"))
    let padded = try self.folder(compressor, more: "head -c 300 /dev/zero")
    #expect(
      try !Tool.autosquash("pack", "in", in: padded.root).errors.contains("warning"))
  }

  @Test(arguments: compressors)
  func damageIsTold(compressor: String) throws {
    let folder = try folder(compressor)
    var whole = try folder.read("in")
    for length in [whole.count - 1, whole.count / 2, 20] {
      // A legacy lz4 frame may end between any two blocks.
      try folder.write("cut", Array(whole[..<length]))
      let result = try Tool.autosquash("pack", "cut", in: folder.root)
      #expect(result.status != 0 && !folder.exists("cut.squash"), "\(result.summary)")
    }
    whole[whole.count / 2] ^= 0x10
    try folder.write("flipped", whole)
    let result = try Tool.autosquash("pack", "flipped", in: folder.root)
    if compressor != "lz4 -qlc" {  // which has no checksum
      // A code that is longer than it was may lead beyond the end.
      let isTold = ["stream is damaged", "stream is cut off"].contains {
        result.errors.contains($0)
      }
      #expect(result.status == 1 && isTold, "\(result.summary)")
    }
  }

  @Test(arguments: ["gzip -c | gzip -c", "zstd -qc | xz -c", "bzip2 -c | lz4 -qlc | lzop -c"])
  func archivesCompressedTwiceAreRead(command: String) throws {
    let folder = try folder("cat | \(command)")
    #expect(try Tool.autosquash("pack", "in", in: folder.root).status == 0)
    #expect(try content(of: "a", in: folder.path("in.squash")) == folder.read("a"))
  }

  @Test func endlessCompressionIsRefused() throws {
    let folder = try folder("cat" + String(repeating: " | gzip -c", count: 12))
    let result = try Tool.autosquash("pack", "in", in: folder.root)
    #expect(result.status == 1 && result.errors.contains("compressed more than 8 times over"))
  }

  /// The window is as large as the frame's header says, and no larger.
  @Test func longWindowsOfZstdAreRead() throws {
    let folder = try folder("zstd -qc --long=31")
    let (result, needs) = try Tool.measure([Tool.autosquash, "pack", "in"], in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(needs.memory < 100 << 20)
    let piped = try Tool.run(
      ["sh", "-c", "cat in | '\(Tool.autosquash)' pack - -o p.squash"], in: folder.root)
    #expect(piped.status == 0, "\(piped.summary)")
  }

  /// As made by `bgzip` and by `split | gzip`.
  @Test func streamsInManyMembersAreOne() throws {
    let folder = try folder("split -b 999 --filter='gzip -c' - ")
    #expect(try Tool.autosquash("pack", "in", in: folder.root).status == 0)
    #expect(try content(of: "a", in: folder.path("in.squash")) == folder.read("a"))
  }

  /// Frames without data, which other tools skip, are parts of zstd and lz4 streams.
  @Test(arguments: ["zstd -qc", "lz4 -qc"], ["\(frame); cat", "cat; \(frame)"])
  func skippableFramesArePassedOver(compressor: String, order: String) throws {
    let folder = try folder("\(compressor) | { \(order); }")
    let result = try Tool.autosquash("pack", "in", in: folder.root)
    #expect(result.status == 0 && !result.errors.contains("warning"), "\(result.summary)")
  }

  private static let frame = #"printf 'P*M\030\004\000\000\000abcd'"#

  @Test func rpmPackagesAreNamed() throws {
    let packed = try Packed([0xed, 0xab, 0xee, 0xdb, 3, 0] + [UInt8](repeating: 0, count: 600))
    #expect(packed.failed("an RPM package; rpm2cpio"), "\(packed.result.summary)")
  }
}

import TestSupport
import Testing

/// Incomplete archives are errors, in every format and compression.
@Suite struct CutArchiveTests {
  private static func course() -> [UInt8] {
    var tar = TarBuilder()
    tar.add("course/", type: "5", mode: 0o755)
    for index in 0..<20 {
      tar.add("course/file\(index)", [UInt8](repeating: UInt8(index), count: 700 * index))
    }
    return tar.finished()
  }

  @Test func noEndOfArchiveIsAnError() throws {
    var tar = TarBuilder()
    tar.add("a", bytes("x"))
    let cut = tar.finished(endBlocks: 0)
    #expect(try Packed(cut).failed("no end-of-archive block"))
    let packed = try Packed(cut, ["--allow-truncated"])
    #expect(try packed.listing().paths == ["a"])
    #expect(packed.result.errors.contains("warning"))
  }

  @Test func archivesOfSpecialHeadersAloneAreWhole() throws {
    var global = TarBuilder()
    global.addPax([("comment", bytes("0123456789"))], isGlobal: true)
    #expect(try Packed(global.finished()).listing().paths == [])
    #expect(try Packed(global.finished(endBlocks: 0)).failed("no end-of-archive block"))
    var label = TarBuilder()
    label.add("volume", type: "V")
    #expect(try Packed(label.finished()).listing().paths == [])
  }

  /// The end of a stored zip archive within a zip archive is not the end of the outer one.
  @Test func zipArchivesCutAfterAnInnerOneAreErrors() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir d && echo 1 > d/a && bsdtar --format zip -cf d/inner.zip d/a && echo 2 > d/z && bsdtar --format zip --options zip:compression=store -cf out.zip d/inner.zip d/z",
      ],
      in: folder.root)
    let whole = try folder.read("out.zip")
    #expect(try Packed(whole).result.status == 0)
    // Around the inner archive's end, and that of the outer one's directory, every byte counts.
    let inner = try #require(
      (0..<whole.count - 4).first { whole[$0..<$0 + 4].elementsEqual([0x50, 0x4b, 5, 6]) })
    for count in 1..<whole.count
    where count % 8 == 0 || abs(count - inner) < 32 || whole.count - count < 32 {
      let packed = try Packed(Array(whole[..<count]), ["--compression", "none"])
      #expect(packed.result.status != 0, "cut to \(count) of \(whole.count) bytes passed")
    }
  }

  @Test func loneEndBlockIsAWarning() throws {
    var tar = TarBuilder()
    tar.add("a", bytes("x"))
    let packed = try Packed(tar.finished(endBlocks: 1))
    #expect(try packed.listing().paths == ["a"])
    #expect(packed.result.errors.contains("only one block of zeros at the end"))
  }

  /// Truncated anywhere before its end, no archive passes.
  @Test(arguments: ["cat", "gzip", "bzip2", "xz", "zstd", "lz4", "lzip", "lzma", "compress"])
  func cutAnywhereIsAnError(filter: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.course())
    let command = filter == "lzma" ? "xz --format=lzma" : filter
    let whole = try Tool.check(["sh", "-c", "\(command) < in"], in: folder.root).output
    try #require(try Packed(whole).result.status == 0)
    let end = filter == "cat" ? whole.count - 1023 : whole.count
    for part in 1..<24 {
      let count = end * part / 24
      let packed = try Packed(Array(whole[..<count]))
      #expect(packed.result.status != 0, "\(filter) cut to \(count) of \(whole.count) bytes passed")
      #expect(!packed.folder.exists("out.squash"))
    }
    // The checksum at the end counts too; lzma and compress have none.
    if !["cat", "lzma", "compress"].contains(filter) {
      #expect(try Packed(Array(whole.dropLast(1))).result.status != 0)
    }
  }

  @Test(arguments: ["zip", "newc", "odc", "7zip"])
  func cutOtherFormatsAreErrors(format: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.course())
    try Tool.check(
      ["sh", "-c", "mkdir d && tar -xf in -C d && cd d && bsdtar --format \(format) -cf ../out ."],
      in: folder.root)
    let whole = try folder.read("out")
    try #require(try Packed(whole).result.status == 0)
    for part in 1..<16 {
      let packed = try Packed(Array(whole[..<(whole.count * part / 16)]))
      #expect(packed.result.status != 0, "\(format) cut to \(part)/16 passed")
    }
  }

  /// The stream's checksum counts even for archives that end before it does.
  @Test(arguments: ["tar -cf - in", "echo in | cpio -o --quiet"])
  func damagedChecksumAfterTheArchiveIsAnError(command: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.course())
    var whole = try Tool.check(
      ["sh", "-c", "(\(command); head -c 2000000 /dev/zero) | gzip"], in: folder.root
    ).output
    try #require(try Packed(whole).result.status == 0)
    whole[whole.count - 6] ^= 1
    #expect(try Packed(whole).failed("gzip stream is damaged"))
  }

  /// Every checksum that a format has for its members is checked: here those of zip, 7z and xar; in
  /// `CpioTests`, `MetadataOptionTests` and `CompressedInputTests` those of cpio's form 070702, of
  /// specifications and of compressed streams. tar has one for headers; ar and ISO 9660 have none.
  @Test(arguments: [
    ("zip", "zip:compression=store"), ("7zip", "7zip:compression=store"),
    ("xar", "xar:compression=none"),
  ])
  func damagedMembersAreErrors(format: String, options: String) throws {
    let folder = try TemporaryFolder()
    let content = bytes("what is stored is found in the archive as it is")
    try folder.write("a", content)
    try Tool.check(
      ["bsdtar", "--format", format, "--options", options, "-cf", "in", "a"], in: folder.root)
    let whole = try folder.read("in")
    #expect(try Packed(whole).text("a") == String(decoding: content, as: UTF8.self))
    let start = try #require(
      (0..<whole.count).first { whole[$0...].starts(with: content) })
    for offset in [0, content.count / 2, content.count - 1] {
      var damaged = whole
      damaged[start + offset] ^= 1
      let packed = try Packed(damaged)
      #expect(packed.failed("damaged or cut-off archive at a"), "\(packed.result.summary)")
    }
  }

  @Test func damagedGzipIsAnError() throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.course())
    var whole = try Tool.check(["gzip", "-c", "in"], in: folder.root).output
    whole[whole.count - 6] ^= 1  // in the checksum
    #expect(try Packed(whole).failed("gzip stream is damaged"))
  }

  @Test func allowTruncatedKeepsWhatIsWhole() throws {
    let whole = Self.course()
    let packed = try Packed(Array(whole[..<(whole.count / 2)]), ["--allow-truncated"])
    let listing = try packed.listing()
    #expect(listing.paths.contains("file3"))
    #expect(listing.paths.count > 5 && listing.paths.count < 20)
    for index in 0..<(listing.paths.count - 1) {
      #expect(try content(of: "file\(index)", in: packed.image).count == 700 * index)
    }
  }

  /// Files that are complete in a truncated compressed stream are not lost.
  @Test func allowTruncatedReadsCompressedStreamsToTheirEnd() throws {
    let folder = try TemporaryFolder()
    var tar = TarBuilder()
    tar.add("first", bytes("whole"))
    var random = SeededGenerator(3)
    tar.add("second", (0..<90_000).map { _ in UInt8.random(in: 0...255, using: &random) })
    try folder.write("in", tar.finished())
    let whole = try Tool.check(["gzip", "-1", "-c", "in"], in: folder.root).output
    let packed = try Packed(Array(whole[..<50_000]), ["--allow-truncated"])
    #expect(try packed.listing().paths == ["first"])
    #expect(
      packed.result.errors.contains(
        "warning: the gzip stream is cut off; packed the 1 entry before that"),
      "\(packed.result.summary)")
  }

  /// Damage is not an early end: the bytes before it may be wrong.
  @Test func allowTruncatedIsNotForDamage() throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.course())
    var whole = try Tool.check(["gzip", "-c", "in"], in: folder.root).output
    whole[whole.count - 6] ^= 1
    #expect(try Packed(whole, ["--allow-truncated"]).failed("gzip stream is damaged"))
  }

  @Test func cutBzip2IsCalledCut() throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.course())
    let whole = try Tool.check(["bzip2", "-c", "in"], in: folder.root).output
    #expect(try Packed(Array(whole[..<(whole.count / 2)])).failed("the bzip2 stream is cut off"))
  }

  @Test func emptyAndForeignFilesAreNoArchives() throws {
    #expect(try Packed([]).failed("the file is empty"))
    #expect(try Packed(bytes("just some text\n")).failed("not an archive"))
    #expect(try Packed(bytes("just some text\n")).result.status == 2)
  }

  @Test func concatenatedGzipMembersAreOneStream() throws {
    let folder = try TemporaryFolder()
    let whole = Self.course()
    try folder.write("a", Array(whole[..<5000]))
    try folder.write("b", Array(whole[5000...]))
    let both = try Tool.check(
      ["sh", "-c", "gzip -c a; gzip -c b; head -c 600 /dev/zero"], in: folder.root
    ).output
    #expect(try Packed(both).listing().paths.count == 20)
  }
}

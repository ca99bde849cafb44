import TestSupport
import Testing

/// Hard links in cpio are recognized by numbers that may clash; checksums count.
@Suite struct CpioTests {
  /// The number of inodes, the root's included, and the contents.
  private func check(
    _ archive: CpioBuilder, _ contents: [String: String], inodes: Int, options: [String] = []
  ) throws {
    let packed = try Packed(archive.finished(), options)
    try #require(packed.result.status == 0, "\(packed.result.summary)")
    for (name, content) in contents { #expect(try packed.text(name) == content, "\(name)") }
    #expect(
      packed.result.errors.contains("out.squash: \(inodes) files and directories"),
      "\(packed.result.errors)")
    let verified = try Tool.run(
      [Tool.autosquash, "verify", "out.squash", "--against", "in.tar"] + options,
      in: packed.folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
  }

  /// odc has only 18 bits for a number.
  @Test func clashesInOdcAreNoLinks() throws {
    var cpio = CpioBuilder(.odc)
    cpio.add("a1", "first pair", inode: 7)
    cpio.add("b1", "second pair, longer", inode: 7 + 1 << 18)
    cpio.add("a2", "first pair", inode: 7)
    cpio.add("b2", "second pair, longer", inode: 7 + 1 << 18)
    let contents = [
      "a1": "first pair", "a2": "first pair", "b1": "second pair, longer",
      "b2": "second pair, longer",
    ]
    try check(cpio, contents, inodes: 3)
  }

  @Test(arguments: [CpioBuilder.Form.odc, .new])
  func equalSizesAreNoProof(form: CpioBuilder.Form) throws {
    var cpio = CpioBuilder(form)
    cpio.add("a", "one", inode: 1)
    cpio.add("b", "two", inode: 1)
    cpio.add("c", "one", inode: 1)
    try check(cpio, ["a": "one", "b": "two", "c": "one"], inodes: 3)
  }

  @Test func whatDiffersInMoreThanTheNumberIsNoLink() throws {
    var cpio = CpioBuilder(.odc)
    cpio.add("a", "same", inode: 1)
    cpio.add("b", "same", inode: 1, mtime: 5)
    cpio.add("c", "same", inode: 1, links: 3)
    cpio.add("d", "same", inode: 1, mode: 0o100600)
    cpio.add("e", "same", inode: 2)
    try check(cpio, ["a": "same", "b": "same", "e": "same"], inodes: 6)
  }

  /// In newc the last name brings the bytes.
  @Test func bytesComeWithTheLastName() throws {
    var cpio = CpioBuilder(.new)
    cpio.add("a", inode: 1, links: 3)
    cpio.add("x", "other", inode: 2, links: 1)
    cpio.add("b", inode: 1, links: 3)
    cpio.add("c", "late", inode: 1, links: 3)
    try check(cpio, ["a": "late", "b": "late", "c": "late", "x": "other"], inodes: 3)
    let parts = ["a": "late", "b": "late"]
    try check(cpio, parts, inodes: 3, options: ["--exclude", "c"])
    try check(cpio, ["b": "late"], inodes: 3, options: ["--exclude", "a"])
  }

  /// Successive pairs may have the same numbers.
  @Test func numbersMayBeUsedAgain() throws {
    var cpio = CpioBuilder(.new)
    cpio.add("a1", inode: 1)
    cpio.add("a2", "first", inode: 1)
    cpio.add("b1", inode: 1)
    cpio.add("b2", "second", inode: 1)
    try check(cpio, ["a1": "first", "a2": "first", "b1": "second", "b2": "second"], inodes: 3)
  }

  @Test func whatCannotBeToldApartIsRefused() throws {
    var cpio = CpioBuilder(.new)
    cpio.add("a1", inode: 1)
    cpio.add("b1", inode: 1)
    cpio.add("a2", "first", inode: 1)
    cpio.add("b2", "second", inode: 1)
    let packed = try Packed(cpio.finished())
    #expect(packed.failed("a2: more members share its inode number than it has links"))
  }

  /// A file that gained a name while being archived has two link counts.
  @Test func bytesThatCannotBeGivenAreMissed() throws {
    var grown = CpioBuilder(.new)
    grown.add("a", inode: 1, links: 2)
    grown.add("b", "data", inode: 1, links: 3)
    #expect(try Packed(grown.finished()).failed("a: its data is under another name, b"))
    var first = CpioBuilder(.new)
    first.add("a", "data", inode: 1)
    first.add("b", inode: 1)
    try check(first, ["a": "data", "b": "data"], inodes: 2)
    let packed = try Packed(first.finished(), ["--exclude", "a"])
    #expect(packed.failed("b: its data is under another name, a"))
  }

  @Test func namesMayComeTwice() throws {
    var cpio = CpioBuilder(.new)
    cpio.add("a", inode: 1)
    cpio.add("b", "data", inode: 1)
    cpio.add("a", inode: 1)
    try check(cpio, ["a": "data", "b": "data"], inodes: 2)
  }

  @Test func namesWithoutBytesAreNotTakenFromACutArchive() throws {
    var cpio = CpioBuilder(.new)
    cpio.add("x", "whole", inode: 2, links: 1)
    cpio.add("a", inode: 1)
    let packed = try Packed(cpio.bytes, ["--allow-truncated"])
    #expect(try packed.listing().paths == ["x"])
    #expect(packed.result.errors.contains("1 name left out: its bytes would have come later"))
  }

  /// Two names that could be an empty file, or wait for the bytes that a third one received.
  @Test func completeNamesWithoutBytesAreMissed() throws {
    var cpio = CpioBuilder(.new)
    for name in ["a", "b", "c"] { cpio.add(name, inode: 1) }
    cpio.add("d", "data", inode: 1)
    #expect(try Packed(cpio.finished()).failed("a: its data is under another name, d"))
    var empty = CpioBuilder(.new)
    for name in ["a", "b", "c", "d"] { empty.add(name, inode: 1) }
    try check(empty, ["a": "", "d": ""], inodes: 3)
  }

  @Test func linksStartAnewInTheNextArchive() throws {
    var (first, second) = (CpioBuilder(.new), CpioBuilder(.new))
    first.add("a", inode: 1)
    first.add("b", "first", inode: 1)
    second.add("c", inode: 1)
    second.add("d", "second", inode: 1)
    let packed = try Packed(first.finished() + second.finished())
    for (name, text) in ["a": "first", "b": "first", "c": "second", "d": "second"] {
      #expect(try packed.text(name) == text)
    }
  }

  /// What cpio writes of a tree is read back as that tree.
  @Test(arguments: ["newc", "crc", "odc", "bin"])
  func treesByCpioAreWhole(form: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p t/d; cd t; echo one >a; ln a b; ln a d/c; echo two >e; ln e d/f; : >g; ln g h
        ln -s a l; ln l m 2>/dev/null || ln -P l m; mkfifo p; echo x >"n 1"
        find . -depth | cpio -o -H \(form) --quiet >../in
        """,
      ], in: folder.root)
    let result = try Tool.autosquash("pack", "in", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    let same = try Tool.autosquash(
      "diff", "in.squash", "t", "--ignore", "owner,mtime,mode", in: folder.root)
    #expect(same.status == 0, "\(same.summary)")
  }

  @Test func checksumsCount() throws {
    var right = CpioBuilder(.checked)
    right.add("a", "bytes", inode: 1, links: 1)
    #expect(try Packed(right.finished()).text("a") == "bytes")
    var wrong = CpioBuilder(.checked)
    wrong.add("a", "bytes", inode: 1, links: 1, checksum: 7)
    #expect(try Packed(wrong.finished()).failed("damaged archive at a: its checksum is wrong"))
  }
}

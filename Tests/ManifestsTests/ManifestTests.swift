import FileTrees
import Manifests
import TestSupport
import Testing

/// Manifests are written, and read back.
@Suite struct ManifestTests {
  private static let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

  @Test func eachEntryHasItsLine() throws {
    let tree = try DigestedTree([
      "d . mode=700 time=1", "f a hello mode=4755 time=2", "h b = a", "l c -> a time=3",
      "c d 1,3 time=4", "p e time=5", "s f time=6", "d g# time=7",
    ])
    #expect(
      tree.manifest().split(separator: "\n") == [
        "#mtree", "# Names with a tag in common are hard links.",
        ". type=dir mode=0700 uid=1000 gid=1000 time=1.0",
        "./a type=file mode=4755 uid=1000 gid=1000 time=2.0 size=5 sha256digest=\(Self.hello) nlink=2 tags=link1",
        "./b type=file mode=4755 uid=1000 gid=1000 time=2.0 size=5 sha256digest=\(Self.hello) nlink=2 tags=link1",
        "./c type=link mode=0777 uid=1000 gid=1000 time=3.0 link=a",
        "./d type=char mode=0644 uid=1000 gid=1000 time=4.0 device=native,1,3",
        "./e type=fifo mode=0644 uid=1000 gid=1000 time=5.0",
        "# A socket, left out: ./f type=socket mode=0644 uid=1000 gid=1000 time=6.0",
        "./g\\043 type=dir mode=0755 uid=1000 gid=1000 time=7.0",
      ])
  }

  /// Random names, targets and devices come back unchanged.
  @Test(arguments: 1...8 as ClosedRange<UInt64>) func whatIsWrittenIsRead(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let letters = ["a", "Z", "#", "\\", "=", "*", "[", "?", "ä", "\t", "~", "%", "\u{7f}", "\u{1}"]
    func name() -> String {
      (0..<Int.random(in: 1...5, using: &random)).map { _ in
        letters.randomElement(using: &random)!
      }.joined()
    }
    var lines: [String] = []
    var files: [String] = []
    for number in 0..<40 {
      let path = "d\(number % 3)/\(number)\(name())"
      let time = "time=\(Int.random(in: 0...0xffff_ffff, using: &random))"
      switch Int.random(in: 0..<6, using: &random) {
      case 0: lines.append("l \(path) -> t\(name().filter { $0 != "=" }) \(time)")
      case 1: lines.append("b \(path) \(number),\(seed) \(time)")
      case 2 where !files.isEmpty:
        lines.append("h \(path) = \(files.randomElement(using: &random)!)")
      case 3: lines.append("p \(path) \(time)")
      case 4: lines.append("d \(path) mode=1777 owner=\(number):0 \(time)")
      default:
        lines.append("f \(path) x\(number) mode=600 \(time)")
        if !path.contains("=") { files.append(path) }
      }
    }
    let tree = try DigestedTree(lines)
    let read = try DigestedTree(manifest: tree.manifest())
    var differences: [String] = []
    _ = TreeComparison(tree, read).run { differences.append($0.text) }
    #expect(differences == [], "seed \(seed)")
    #expect(read.unknown == [.xattrs, .sockets], "seed \(seed)")
    #expect(read.manifest() == tree.manifest(), "seed \(seed)")
  }

  @Test(arguments: [nil, ImageDigest.Parts(first: 40, others: 20)])
  func commentsTellOfTheImage(parts: ImageDigest.Parts?) throws {
    let digest = ImageDigest(SHA256.Digest(hexadecimal: Array(Self.hello.utf8))!, parts: parts)
    let facts = ManifestWriter.ImageFacts(name: Array("x y".utf8), size: 77, digest: digest)
    let tree = try DigestedTree(["f a hello"])
    var text = ""
    HTMLPage(tree, title: Array("x y".utf8), image: facts).write { text += $0 }
    let page = MemoryFile(Array(text.utf8))
    let ofPage = HTMLPage.image(of: page.path)
    #expect(ofPage?.size == 77 && ofPage?.digest == digest)
    let file = MemoryFile(Array(tree.manifest(image: facts).utf8))
    let image = ManifestReader.image(of: file.path)
    #expect(image?.size == 77 && image?.digest == digest)
    var reader = try ManifestReader(path: file.path)
    _ = try reader.read()
    #expect(reader.image == image)
    let other = MemoryFile(Array("# image-size: 77\n".utf8))
    #expect(ManifestReader.image(of: other.path) == nil)
  }

  /// The SHA-256 of the SHA-256s of the parts, whatever the pieces in which a file is read.
  @Test(arguments: [
    (0, 300, 100), (1, 300, 100), (300, 300, 100), (301, 300, 100), (900_000, 262_145, 70_000),
  ])
  func digestsOfParts(size: Int, first: Int, others: Int) throws {
    var random = SeededGenerator(7)
    let bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
    let file = MemoryFile(bytes)
    func digest(_ bytes: ArraySlice<UInt8>) -> SHA256.Digest {
      var hash = SHA256()
      bytes.withUnsafeBytes { hash.update($0) }
      return hash.finish()
    }
    var digests: [SHA256.Digest] = []
    var start = 0
    while start < size {
      let end = min(start + (start == 0 ? first : others), size)
      digests.append(digest(bytes[start..<end]))
      start = end
    }
    let parts = ImageDigest.Parts(first: UInt64(first), others: UInt64(others))
    let expected = ImageDigest(ofParts: digests, parts)
    let (found, length) = try expected.same(ofFile: file.path)
    #expect(found == expected && length == UInt64(size))
    let joined = digests.flatMap { $0.withBytes { Array($0) } }
    #expect(found.digest == digest(joined[...]))
    let whole = ImageDigest(digest(bytes[...]))
    #expect(try whole.same(ofFile: file.path).digest == whole)
  }

  /// What somebody else's specification does not mention is not compared.
  @Test(
    arguments: [
      (
        "a type=file mode=644 uid=0 gid=0 size=5 time=1.0 nlink=1 inode=1 device=1 sha256digest=\(hello)",
        []
      ),
      ("a type=file", [.content, .device, .links, .mode, .mtime, .owner, .size]),
      ("a type=file mode=644 time=1.0 size=5", [.content, .device, .links, .owner]),
      ("/set type=file uid=0 gid=0 mode=644 time=1.0\na size=5", [.content, .device, .links]),
      ("a type=link uid=0 gid=0 mode=777 time=1.0 link=x", [.device, .links]),
    ] as [(String, [Aspect])])
  func whatIsNotToldIsUnknown(text: String, unknown: [Aspect]) throws {
    let read = try DigestedTree(manifest: "#mtree\n\(text)\n")
    #expect(read.unknown == Set(unknown + [.xattrs, .sockets]))
  }

  /// Names of one file share an inode number.
  @Test func inodeNumbersMakeHardLinks() throws {
    let text =
      "a type=file nlink=2 inode=7\nb type=file nlink=2 inode=7\nc type=file nlink=2 inode=8\n"
    #expect(
      try DigestedTree(manifest: "#mtree\n" + text).tree.lines() == ["f a", "h b = a", "f c"])
  }

  @Test func longLinesAreJoined() throws {
    let text = "#mtree\na type=file \\\n  mode=600 \\\n  size=5\n"
    #expect(try DigestedTree(manifest: text).tree.lines([], [.mode]) == ["f a mode=600"])
  }

  @Test(arguments: [
    ("just a text\n", "not an mtree(5) specification"),
    ("", "not an mtree(5) specification"),
    ("#mtree\n" + String(repeating: "a", count: 1 << 20 | 1), "a line of more than a megabyte"),
    (
      "#mtree\n/set \(String(repeating: "k", count: 1025))=1\n",
      "/set with more keywords than mtree(5) has"
    ),
    (
      "#mtree\n" + (0..<65).map { "/set k\($0)=1\n" }.joined(),
      "/set with more keywords than mtree(5) has"
    ),
  ])
  func whatIsNoSpecificationIsRefused(text: String, cause: String) {
    #expect {
      try DigestedTree(manifest: text)
    } throws: {
      ($0 as? SourceError)?.cause == cause
    }
  }

  /// An input from a pipe can still be read twice.
  @Test func manifestsComeThroughPipes() throws {
    let pipe = Pipe(Array(try DigestedTree(["f a hello"]).manifest().utf8))
    var reader = try ManifestReader(path: pipe.path)
    #expect(try reader.read().tree.lines() == ["f a"])
  }

  /// A name can be anything, but never ends the page's script or its title.
  @Test func namesDoNotEndThePage() throws {
    func page(_ lines: [String]) throws -> String {
      var text = ""
      HTMLPage(try DigestedTree(lines), title: Array("<i>&".utf8), image: nil).write { text += $0 }
      return text
    }
    let plain = try page(["f a hello"])
    let page = try page(["f <b>\" hello", "l a -> </script>"])
    #expect(page.contains("<title>&lt;i&gt;&amp;"))
    #expect(page.contains(#""\u003cb>\"""#) && page.contains(#""\u003c/script>""#))
    #expect(page.components(of: "</script>") == plain.components(of: "</script>"))
    #expect(page.contains("\"\(Self.hello)\""))
  }

  /// As in sha256sum(1).
  @Test(arguments: [0, 1, 63, 64, 65, 4096, 100_000, 65_537])
  func digestsAreThoseOfOthers(size: Int) throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try folder.write("f", bytes)
    let text = try Tool.check(["sha256sum", folder.path("f")]).text
    let (digest, count) = try SHA256.of(file: Array(folder.path("f").utf8))
    #expect(text.hasPrefix(digest.hexadecimal) && count == size)
    #expect(SHA256.Digest(hexadecimal: Array(digest.hexadecimal.utf8)) == digest)
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<(size / 2)])) }
    bytes.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[(size / 2)...])) }
    #expect(hash.finish() == digest)
  }

  @Test func zerosAreHashedWithoutBytes() {
    var (first, second) = (SHA256(), SHA256())
    first.update(zeros: 200_001)
    [UInt8](repeating: 0, count: 200_001).withUnsafeBytes { second.update($0) }
    #expect(first.finish() == second.finish())
  }

  @Test(arguments: ["", "zz", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
  func whatIsNoDigestIsRefused(text: String) {
    #expect(SHA256.Digest(hexadecimal: Array(text.utf8)) == nil)
  }
}

extension String {
  /// The number of parts of a text between separators.
  fileprivate func components(of separator: String) -> Int {
    split(separator: separator, omittingEmptySubsequences: false).count
  }
}

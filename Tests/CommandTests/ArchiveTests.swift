import TestSupport
import Testing

/// Packs an archive given as bytes and asks unsquashfs about the result.
struct Packed {
  let folder: TemporaryFolder
  let result: Tool.Result
  /// The expected status: a truncated archive, if accepted, is not packed completely.
  private let due: Int32

  init(_ archive: [UInt8], _ options: [String] = [], name: String = "in.tar") throws {
    due = options.contains("--allow-truncated") ? 1 : 0
    folder = try TemporaryFolder()
    try folder.write(name, archive)
    result = try Tool.run(
      [Tool.autosquash, "pack", name, "-o", "out.squash"] + options, in: folder.root)
  }

  var image: String { folder.path("out.squash") }

  func listing() throws -> Listing {
    try #require(result.status == due, "\(result.summary)")
    return try Listing(of: image)
  }

  func text(_ path: String) throws -> String {
    String(decoding: try content(of: path, in: image), as: UTF8.self)
  }

  /// Whether packing failed with this text in its message, and left no image.
  func failed(_ message: String) -> Bool {
    result.status != 0 && result.errors.contains(message) && !folder.exists("out.squash")
      && folder.names == ["in.tar"]
  }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct ArchiveSemanticsTests {
  @Test func moreAttributesThanLinuxListsAreRefused() throws {
    var endless = TarBuilder()
    endless.addPax((0..<12_000).map { ("SCHILY.xattr.user.a\($0)", bytes("v")) })
    endless.add("file", bytes("x"))
    #expect(try Packed(endless.finished()).failed("more extended attributes than Linux can list"))
  }

  @Test func lastMemberOfANameWins() throws {
    var tar = TarBuilder()
    tar.add("./", type: "5", mode: 0o755)
    tar.add("a", bytes("old content"))
    tar.add("a", bytes("new"), mode: 0o600)
    let packed = try Packed(tar.finished())
    #expect(try packed.listing()["a"]?.mode == "-rw-------")
    #expect(try packed.text("a") == "new")
    #expect(
      packed.result.errors.contains(": warning: a is replaced by a later entry of the same name\n"))
  }

  @Test func hardLinkMayComeBeforeItsTarget() throws {
    var tar = TarBuilder()
    tar.add("first", type: "1", link: "./dir/file")
    tar.add("second", type: "1", link: "first")
    tar.add("dir/", type: "5", mode: 0o755)
    tar.add("dir/file", bytes("shared"))
    let packed = try Packed(tar.finished())
    _ = try packed.listing()
    for name in ["first", "second", "dir/file"] { #expect(try packed.text(name) == "shared") }
  }

  @Test func missingParentsGetTheNewestTime() throws {
    var tar = TarBuilder()
    tar.add("x/y/file", bytes("1"), mtime: 1_000_000_000)
    tar.add("z", bytes("2"), mtime: 1_600_000_000)
    let listing = try Packed(tar.finished(), ["--ownership", "keep"]).listing()
    for name in ["", "x", "x/y"] {
      #expect(listing[name]?.mode == "drwxr-xr-x")
      #expect(listing[name]?.owner == "0/0")
      #expect(listing[name]?.modified == "2020-09-13 12:26")
    }
    #expect(listing["x/y/file"]?.owner == "1000/1000")
    #expect(listing["x/y/file"]?.modified == "2001-09-09 01:46")
  }

  @Test func dotSlashAndTrailingSlashesAreNormal() throws {
    var tar = TarBuilder()
    tar.add("./", type: "5", mode: 0o711, mtime: 1_000_000_000)
    tar.add("./d//", type: "5", mode: 0o755)
    tar.add("./d/./f", bytes("x"))
    let listing = try Packed(tar.finished()).listing()
    #expect(listing.paths == ["d", "d/f"])
    #expect(listing[""]?.mode == "drwx--x--x")
    #expect(listing[""]?.modified == "2001-09-09 01:46")
  }

  @Test func leadingSlashIsDroppedWithOneWarning() throws {
    var tar = TarBuilder()
    tar.add("/etc/a", bytes("x"))
    tar.add("/etc/b", bytes("y"))
    let packed = try Packed(tar.finished(), ["--strip-components", "0"])
    #expect(try packed.listing().paths == ["etc", "etc/a", "etc/b"])
    #expect(packed.result.errors.contains("2 leading / removed from names"))
  }

  @Test(arguments: ["../up", "a/../../up", "a/.."])
  func pathsWithDotDotAreRefused(name: String) throws {
    var tar = TarBuilder()
    tar.add("fine", bytes("x"))
    tar.add(name, bytes("x"))
    #expect(try Packed(tar.finished()).failed("\(name): a path with \"..\""))
  }

  @Test func nothingGoesThroughASymlinkOrFile() throws {
    for (type, link) in [("2", "/etc"), ("0", "")] {
      var tar = TarBuilder()
      tar.add("way", type: Character(type), link: link)
      tar.add("way/passwd", bytes("evil"))
      #expect(try Packed(tar.finished()).failed("way/passwd: it lies below way"))
    }
  }

  @Test func unknownTypeIsRefused() throws {
    var tar = TarBuilder()
    tar.add("odd", type: "Z", bytes("x"))
    #expect(try Packed(tar.finished()).failed("odd: a member of unknown type Z"))
  }

  @Test func hardLinkWithoutTargetIsRefused() throws {
    var tar = TarBuilder()
    tar.add("here", type: "1", link: "nowhere")
    #expect(try Packed(tar.finished()).failed("here: a hard link to nowhere"))
    var excluded = TarBuilder()
    excluded.add("gone", bytes("x"))
    excluded.add("here", type: "1", link: "gone")
    #expect(
      try Packed(excluded.finished(), ["--exclude", "gone"]).failed("the options left some out"))
  }

  @Test func fileCannotReplaceAFullDirectory() throws {
    var tar = TarBuilder()
    tar.add("d/f", bytes("x"))
    tar.add("d", bytes("y"))
    #expect(try Packed(tar.finished()).failed("d: the archive has a directory"))
  }

  @Test func globalPaxHeadersHold() throws {
    var tar = TarBuilder()
    tar.addPax([("mtime", bytes("1000000000")), ("uid", bytes("77"))], isGlobal: true)
    tar.add("a", bytes("x"))
    tar.addPax([("mtime", bytes("1600000000.5"))])
    tar.add("b", bytes("y"))
    let listing = try Packed(tar.finished(), ["--ownership", "keep"]).listing()
    #expect(listing["a"]?.modified == "2001-09-09 01:46")
    #expect(listing["a"]?.owner == "77/1000")
    #expect(listing["b"]?.modified == "2020-09-13 12:26")
  }

  @Test(arguments: ["C", "C.UTF-8", "POSIX"])
  func namesAreBytesInAnyLocale(locale: String) throws {
    let name: [UInt8] = [0xff, 0xfe] + bytes("é\n\"x")
    let long = name + [UInt8](repeating: 0xe9, count: 240)
    var tar = TarBuilder()
    tar.add(name, bytes("x"))
    tar.addPax([("path", long)])
    tar.add("short", bytes("y"))
    tar.addPax([("linkpath", long)])
    tar.add("link", type: "2", link: "wrong")
    let folder = try TemporaryFolder()
    try folder.write("in.tar", tar.finished())
    let result = try Tool.run(
      [Tool.autosquash, "pack", "in.tar"], in: folder.root, environment: ["LC_ALL": locale])
    try #require(result.status == 0, "\(result.summary)")
    try Tool.check(["unsquashfs", "-n", "-d", "out", "in.squash"], in: folder.root)
    let snapshot = try Snapshot(of: folder.path("out"))
    #expect(Set(snapshot.entries.keys) == [[], name, long, bytes("link")])
    #expect(snapshot.entries[bytes("link")]?.target == long)
  }

  /// A chain of links, each before its target, takes no longer than other links.
  @Test(.timeLimit(.minutes(10))) func longChainsOfForwardLinks() throws {
    var tar = TarBuilder()
    for number in 0..<20_000 { tar.add("l\(number)", type: "1", link: "l\(number + 1)") }
    tar.add("l20000", bytes("end"))
    let packed = try Packed(tar.finished())
    #expect(packed.result.errors.contains("2 files and directories"))
    #expect(try packed.text("l0") == "end")
    var loop = TarBuilder()
    loop.add("a", type: "1", link: "b")
    loop.add("b", type: "1", link: "a")
    #expect(try Packed(loop.finished()).failed("a: a hard link to b"))
  }

  @Test func attributesComeOnceAndOnlyIfLinuxCanReadThem() throws {
    var tar = TarBuilder()
    tar.addPax([
      ("LIBARCHIVE.xattr.user.a", bytes("b25l")), ("SCHILY.xattr.user.a", bytes("one")),
      ("SCHILY.xattr.user." + String(repeating: "n", count: 70_000), bytes("v")),
      ("SCHILY.xattr.user." + String(repeating: "n", count: 251), bytes("v")),
      ("SCHILY.xattr.user.big", [UInt8](repeating: 1, count: 65_537)),
    ])
    tar.add("f", bytes("x"))
    let packed = try Packed(tar.finished())
    #expect(
      packed.result.errors.contains("3 extended attributes left out"), "\(packed.result.summary)")
    try Tool.check(["unsquashfs", "-n", "-d", "out", "out.squash"], in: packed.folder.root)
    let found = try Tool.check(["getfattr", "-d", packed.folder.path("out/f")]).text
    #expect(found.contains("user.a=\"one\"\n\n"))
  }

  @Test func targetsWithNULAreRefused() throws {
    var tar = TarBuilder()
    tar.addPax([("linkpath", bytes("safe\u{0}evil"))])
    tar.add("link", type: "2", link: "x")
    #expect(try Packed(tar.finished()).failed("link: a target with a NUL byte"))
  }

  @Test func linksBelowAReplacedDirectoryAreRefused() throws {
    var tar = TarBuilder()
    tar.add("d/", type: "5", mode: 0o755)
    tar.add("d/l", type: "1", link: "z")
    tar.add("d", bytes("now a file"))
    tar.add("z", bytes("target"))
    #expect(try Packed(tar.finished()).failed("d/l: its directory was replaced"))
  }

  /// A specification can name any file, so nothing else may pass for one.
  @Test func specificationsMustBeNamedSo() throws {
    let text = bytes("#mtree\n./k type=file contents=/etc/hostname\n")
    #expect(try Packed(text).failed("name of an mtree specification must end in .mtree"))
  }

  /// libarchive's messages contain names from the archive.
  @Test func complaintsDoNotReachTheTerminalAsTheyAre() throws {
    let text = bytes("#mtree\n./k type=file contents=no\\033[31mx\n")
    let packed = try Packed(text, name: "in.mtree")
    #expect(packed.result.status == 2)
    #expect(packed.result.errors.contains("no\\033[31mx"), "\(packed.result.summary)")
  }

  /// Not "damaged": nothing is wrong with them.
  @Test func whatCannotBeReadIsTold() throws {
    var link = TarBuilder()
    link.add("a", bytes("x"))
    link.add("b", type: "1", link: "")
    #expect(try Packed(link.finished()).failed("b: a hard link without a target"))
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        "echo x > f; zip -q -P secret in.zip f; 7z a -bd -p1 e.7z f; 7z a -bd p.7z f",
      ],
      in: folder.root)
    for archive in ["in.zip", "e.7z"] {
      let result = try Tool.autosquash("pack", archive, in: folder.root)
      #expect(result.errors.contains("the archive is encrypted at f"), "\(result.summary)")
    }
    let piped = try Tool.run(
      ["sh", "-c", "cat p.7z | '\(Tool.autosquash)' pack - -o o.squash"], in: folder.root)
    #expect(piped.errors.contains("name the plain file"), "\(piped.summary)")
  }

  @Test func limitsOfTheFormatAreClearErrors() throws {
    var name = TarBuilder()
    name.addPax([("path", [UInt8](repeating: 0x61, count: 256))])
    name.add("short", bytes("x"))
    #expect(try Packed(name.finished()).failed("a name of more than 255 bytes"))
    var target = TarBuilder()
    target.addPax([("linkpath", [UInt8](repeating: 0x61, count: 4096))])
    target.add("link", type: "2", link: "x")
    #expect(
      try Packed(target.finished()).failed("link: the link's target has more than 4,095 bytes"))
    var device = TarBuilder()
    device.add("disk", type: "4", device: (5000, 1))
    #expect(try Packed(device.finished()).failed("disk: the device number does not fit"))
    var huge = TarBuilder()
    huge.addPax([
      ("GNU.sparse.major", bytes("1")), ("GNU.sparse.minor", bytes("0")),
      ("GNU.sparse.name", bytes("huge")), ("GNU.sparse.realsize", bytes("9000000000000000000")),
    ])
    huge.add("x", bytes("1\n0\n0\n") + [UInt8](repeating: 0, count: 506))
    #expect(try Packed(huge.finished()).failed("huge: the file has more than"))
  }

  @Test func extendedHeadersOfSolarisAreRead() throws {
    var body = TarBuilder()
    body.addPax([("path", bytes("long-name"))])
    var tar = body.bytes
    tar[156] = UInt8(ascii: "X")
    var sum = 8 * 32
    for index in 0..<512 where !(148..<156).contains(index) { sum += Int(tar[index]) }
    tar.replaceSubrange(
      148..<156, with: bytes(String(String(sum + 0o1000000, radix: 8).suffix(6)) + "\u{0} "))
    var rest = TarBuilder()
    rest.add("short", bytes("x"))
    #expect(try Packed(tar + rest.finished()).listing().paths == ["long-name"])
  }

  @Test func timesOutsideTheFormatAreClampedAndCounted() throws {
    var tar = TarBuilder()
    tar.add("old", bytes("x"), mtime: -5)
    tar.addPax([("mtime", bytes("9999999999"))])
    tar.add("new", bytes("x"))
    let packed = try Packed(tar.finished())
    let listing = try packed.listing()
    #expect(listing["old"]?.modified == "1970-01-01 00:00")
    #expect(listing["new"]?.modified.hasPrefix("2106-02-07") == true)
    #expect(packed.result.errors.contains("2 times outside 1970 to 2106"))
  }
}

import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// `diff`, `manifest`, and `verify` with something to compare with.
@Suite struct CompareTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", ForeignImageTests.source], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "i.squash", "-q", "--ownership", "keep"],
      in: folder.root)
  }

  private func autosquash(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash] + arguments, in: folder.root)
  }

  // MARK: diff

  /// A change, `diff`'s line for it, and the option that ignores it.
  static let changes: [(change: String, line: String, ignore: String)] = [
    ("rm -r tree/many/*-700", "- many/some-longer-name-for-file-number-700", ""),
    ("echo new > tree/new", "+ new", ""),
    ("chmod 600 tree/oneblock", "~ oneblock: mode 0644 -> 0600", "mode"),
    ("chown 5:6 tree/oneblock", "~ oneblock: owner 0:0 -> 5:6", "owner"),
    ("touch -d @1000000000 tree/a", "time", "mtime"),
    ("for f in tree/bad*; do printf z > \"$f\"; done", "~ bad\\377name: content", "content"),
    ("echo longer > tree/emptyfile", "~ emptyfile: size 0 -> 7, content", "size,content"),
    ("ln -sfn elsewhere tree/dangling", "~ dangling: target nowhere -> elsewhere", "target"),
    ("rm tree/null && mknod tree/null c 1 5", "~ null: device 1,3 -> 1,5", "device"),
    ("rm tree/fifo && echo x > tree/fifo", "~ fifo: type fifo -> file", ""),
    (
      "setfattr -n user.comment -v other tree/big/numbers",
      "~ big/numbers: attributes user.comment (value)", "xattrs"
    ),
    (
      "setfattr -x user.comment tree/big/numbers; setfattr -n user.x -v y tree/big/numbers",
      "~ big/numbers: attributes -user.comment +user.x", "xattrs"
    ),
    (
      "rm tree/a/hard && cp -a tree/big/numbers tree/a/hard",
      "~ big/numbers: hard links: a/hard -> none", "links"
    ),
  ]

  @Test(arguments: 0..<changes.count) func everyKindOfChangeIsSeen(number: Int) throws {
    let (change, line, ignore) = Self.changes[number]
    #expect(try autosquash("diff", "i.squash", "tree").status == 0)
    // Every change affects times; they have a case of their own.
    try Tool.check(["sh", "-c", change], in: folder.root)
    let times = line == "time" ? "" : "mtime"
    let result = try autosquash("diff", "i.squash", "tree", "--ignore", times)
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.text.contains(line), "\(result.text)")
    let lines = result.text.split(separator: "\n").count
    // A file with two names appears under both; the last line has the sum.
    #expect(lines == (line.contains("big/numbers") ? 3 : 2), "\(result.text)")
    if !ignore.isEmpty {
      let ignored = try autosquash("diff", "i.squash", "tree", "--ignore", "\(ignore),mtime")
      #expect(ignored.status == 0, "\(ignored.summary)")
    }
  }

  @Test func anythingIsComparedWithAnything() throws {
    try Tool.check(
      [
        "sh", "-c",
        "tar --xattrs --xattrs-include='*' -czf t.tar.gz -C tree . && "
          + "mksquashfs tree m.squash -quiet -no-progress -comp gzip && "
          + "'\(Tool.autosquash)' manifest i.squash -o i.mtree",
      ], in: folder.root)
    let all = ["i.squash", "m.squash", "tree", "t.tar.gz", "i.mtree"]
    for first in all {
      for second in all {
        let result = try autosquash("diff", first, second)
        #expect(result.status == 0, "\(first) \(second): \(result.summary)")
      }
    }
    #expect(try autosquash("diff", "i.squash", "nowhere").status == 2)
    #expect(try autosquash("diff", "i.squash", "tree", "--ignore", "colour").status == 64)
    try Tool.check(["touch", "tree/new"], in: folder.root)
    let json = try autosquash("diff", "i.squash", "tree", "--json", "--ignore", "mtime")
    let list = try JSONSerialization.jsonObject(with: Data(json.output)) as? [[String: Any]]
    #expect(list?.count == 1 && list?[0]["change"] as? String == "added")
  }

  // MARK: verify

  @Test func theSourceIsTheProof() throws {
    try Tool.check(
      ["sh", "-c", "mkdir top && cp -a tree top/ && tar -C top -cJf my.tar.xz tree"],
      in: folder.root)
    _ = try autosquash("pack", "my.tar.xz", "-q", "--exclude", "many")
    let equal = try autosquash(
      "verify", "my.squash", "--against", "my.tar.xz", "--exclude", "many", "-q")
    #expect(equal.status == 0 && equal.output.isEmpty, "\(equal.summary)")
    let told = try autosquash(
      "verify", "my.squash", "--against", "my.tar.xz", "--exclude", "many")
    #expect(told.text.contains("my.squash: whole, and equal to my.tar.xz: "), "\(told.text)")
    #expect(!told.text.contains("without a checksum"), "\(told.text)")
    let whole = #/my.squash: whole: \d+ files and directories, [0-9.]+ .B unpacked, \d\.\d s\n/#
    #expect(try autosquash("verify", "my.squash").text.wholeMatch(of: whole) != nil)
    let details =
      #/unpacked; \d+ blocks, \d+ of them without a checksum, which --manifest or --against would prove; needs CONFIG_SQUASHFS_XZ/#
    #expect(try autosquash("verify", "my.squash", "-v").text.contains(details))
    let other = try autosquash("verify", "my.squash", "--against", "my.tar.xz")
    let expected = """
      my.squash: + many/: 701 files and directories
      my.squash: whole, but differs from my.tar.xz: 701 differences (701 are only in my.tar.xz), 
      """
    #expect(other.status == 1 && other.text.hasPrefix(expected), "\(other.text)")
    let kept = try autosquash("verify", "i.squash", "--against", "tree", "--ownership", "keep")
    #expect(kept.status == 0, "\(kept.summary)")
    let owners = try autosquash("verify", "i.squash", "--against", "tree")
    #expect(owners.status == 1 && owners.errors.contains("only owners differ"), "\(owners.summary)")
    #expect(try autosquash("verify", "i.squash", "--against", "nowhere").status == 2)
  }

  /// Images that Linux will not mount can still be compared.
  @Test func imagesWithoutPaddingAreComparedToo() throws {
    // No compression, so that the size is always the same, and not a multiple of 512.
    _ = try autosquash(
      "pack", "tree", "-o", "u.squash", "--compression", "none", "--ownership", "keep", "-q")
    let info = try autosquash("info", "u.squash", "--json")
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(info.output)) as? [String: Any])
    let used = try #require(facts["bytesUsed"] as? Int)
    try folder.write("u.squash", Array(try folder.read("u.squash")[..<used]))
    let same = try autosquash("verify", "u.squash", "--against", "tree", "--ownership", "keep")
    #expect(same.status == 1 && same.text.contains(": WILL NOT MOUNT: 1 error"), "\(same.summary)")
    let other = try autosquash("verify", "u.squash", "--against", "tree")
    #expect(other.status == 1 && other.text.contains(": WILL NOT MOUNT, AND DIFFERENT: "))
    #expect(other.text.contains("u.squash: ~ big/random: owner 1000:2000 -> 0:0\n"))
    #expect(other.text.contains("; differs from tree: 1 difference (1 of "), "\(other.text)")
  }

  /// Uncompressed blocks have no checksum at all, and neither do lz4's.
  @Test(arguments: ["none", "lz4", "zstd"]) func manifestsFindWhatNoCodecSees(method: String) throws
  {
    let packed = try autosquash(
      "pack", "tree", "-o", "m.squash", "--compression", method, "--manifest", "-q")
    #expect(packed.status == 0 && folder.exists("m.mtree"), "\(packed.summary)")
    let whole = try autosquash("verify", "m.squash", "--manifest", "m.mtree", "-q")
    #expect(whole.status == 0 && whole.output.isEmpty, "\(whole.summary)")
    let info = try autosquash("info", "m.squash", "big/random", "--json")
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(info.output)) as? [String: Any])
    var bytes = try folder.read("m.squash")
    bytes[try #require(facts["dataStart"] as? Int) + 5000] ^= 1
    try folder.write("m.squash", bytes)
    #expect(try autosquash("verify", "m.squash").status == 0)
    let found = try autosquash("verify", "m.squash", "--manifest", "m.mtree")
    #expect(found.status == 1, "\(found.summary)")
    #expect(found.text.contains("m.squash: ~ big/random: content\n"))
  }

  /// A damaged block can belong to many files; the report says how many.
  @Test func allFilesOfABlockAreCounted() throws {
    let info = try autosquash("info", "i.squash", "many/*-77", "--json")
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(info.output)) as? [String: Any])
    var bytes = try folder.read("i.squash")
    bytes[try #require(facts["fragmentStart"] as? Int) + 100] ^= 1
    try folder.write("d.squash", bytes)
    let found = try autosquash("verify", "d.squash", "--json")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(found.output)) as? [String: Any])
    let finding = try #require((report["findings"] as? [[String: Any]])?.first)
    let readable = try #require(report["readable"] as? [String: Any])
    let lost = try #require(readable["filesFound"] as? Int) - (readable["files"] as! Int)
    #expect(lost > 600 && finding["otherFiles"] as? Int == lost - 1, "\(found.text)")
    #expect(try autosquash("verify", "d.squash").text.contains(" and \(lost - 1) others: "))
  }

  /// A padded image has the same files, but is not what was uploaded.
  @Test func theManifestIsOfThisVeryImage() throws {
    _ = try autosquash("manifest", "i.squash", "-o", "i.mtree")
    let told = try autosquash("verify", "i.squash", "--manifest", "i.mtree")
    #expect(told.text.contains(": whole, and equal to i.mtree: "), "\(told.text)")
    try folder.write("i.squash", try folder.read("i.squash") + [UInt8](repeating: 0, count: 4096))
    let other = try autosquash("verify", "i.squash", "--manifest", "i.mtree")
    #expect(
      other.status == 1
        && other.text.contains(
          "i.squash: whole, but is not the image that i.mtree was written for, "),
      "\(other.summary)")
    #expect(other.text.contains("for one with another size and SHA-256"))
    #expect(other.text.contains("all its files are equal"))
    #expect(try autosquash("diff", "i.squash", "i.mtree").status == 0)
  }

  /// Missing details of a specification are not compared.
  @Test func missingKeywordsAreNoDifferences() throws {
    for keywords in ["type,mode,sha256", "type,size,link", "type,uid,gid,time"] {
      try Tool.check(
        [
          "sh", "-c",
          "cd tree && bsdtar -cf ../part.mtree --format=mtree --options='!all,\(keywords)' .",
        ], in: folder.root)
      let result = try autosquash("diff", "tree", "part.mtree")
      #expect(result.status == 0 && result.output.isEmpty, "\(keywords): \(result.summary)")
    }
  }

  /// A manifest of an image is the same whoever writes it, and the same as its source's.
  @Test func manifestsOfImageSourceAndPackAgree() throws {
    _ = try autosquash("pack", "tree", "-o", "p.squash", "--manifest", "-q")
    let image = try autosquash("manifest", "p.squash").text
    #expect(image == String(decoding: try folder.read("p.mtree"), as: UTF8.self))
    // Also from a tarball, whose files come in another order.
    try Tool.check(
      ["sh", "-c", "find tree -print0 | sort -zr | tar --no-recursion --null -cf r.tar -T -"],
      in: folder.root)
    _ = try autosquash("pack", "r.tar", "--manifest", "-q")
    #expect(
      try autosquash("manifest", "r.squash").text
        == String(decoding: try folder.read("r.mtree"), as: UTF8.self))
    let source = try autosquash("manifest", "tree").text
    #expect(
      image.split(separator: "\n").filter { !$0.hasPrefix("#") }
        == source.split(separator: "\n").filter { !$0.hasPrefix("#") })
    let digest = try Tool.check(["sha256sum", "p.squash"], in: folder.root).text.prefix(64)
    #expect(image.contains("# image-sha256: \(digest)\n"))
    let file = try Tool.check(["sha256sum", "tree/big/holes"], in: folder.root).text.prefix(64)
    #expect(image.contains("./big/holes type=file mode=0644 uid=0 gid=0 time="))
    #expect(image.contains(" sha256digest=\(file)\n"))
    #expect(try autosquash("pack", "tree", "-o", "q.squash", "--manifest", "-q").status == 0)
  }

  /// Other programs can read it: bsdtar makes an archive of the same tree from it.
  @Test func bsdtarReadsManifests() throws {
    _ = try autosquash("manifest", "i.squash", "-o", "i.mtree")
    let listed = try Tool.check(["bsdtar", "-tf", "i.mtree"], in: folder.root)
    #expect(listed.errors.isEmpty, "\(listed.errors)")
    let count = try Tool.check(
      ["sh", "-c", "find tree -print0 | tr -dc '\\0' | wc -c"], in: folder.root
    ).text
    #expect(listed.text.split(separator: "\n").count == Int(count.dropLast()))
    try Tool.check(
      ["sh", "-c", "cd tree && LC_ALL=C.UTF-8 bsdtar -cf ../from.tar --format=pax @../i.mtree"],
      in: folder.root)
    let result = try autosquash("diff", "i.squash", "from.tar", "--ignore", "xattrs")
    #expect(result.status == 0, "\(result.summary)")
  }

  /// A list without digests proves nothing about contents.
  /// The BSDs' mtree refuses a file with a single unknown keyword.
  @Test func mtreeReadsManifests() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        """
        mkdir -p tree/dir && echo text > tree/file && ln tree/file 'tree/dir/an other name'
        ln -s file tree/link && mkfifo tree/fifo && mknod tree/null c 1 3
        printf x > "tree/$(printf 'odd\\nname#=*')"
        find tree -depth -exec touch -h -d @1600000000 {} +
        """,
      ], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "--ownership", "keep", "--manifest", "-q"],
      in: folder.root)
    let same = try Tool.run(["mtree", "-f", "tree.mtree", "-p", "tree"], in: folder.root)
    #expect(same.status == 0, "\(same.summary)")
    try Tool.check(["sh", "-c", "echo more >> tree/file"], in: folder.root)
    let other = try Tool.run(["mtree", "-f", "tree.mtree", "-p", "tree"], in: folder.root)
    #expect(other.status == 2 && other.text.contains("size"), "\(other.summary)")
  }

  /// A manifest without links says that there are none.
  @Test func linksThatAManifestDoesNotHaveAreSeen() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir a && echo x > a/f && cp -a a b && cp -a b/f b/h && ln a/f a/h && touch -d @1 a b a/* b/*",
      ], in: folder.root)
    for tree in ["a", "b"] {
      try Tool.check([Tool.autosquash, "pack", tree, "--manifest", "-q"], in: folder.root)
    }
    for (first, second) in [("a.squash", "b.mtree"), ("b.mtree", "a.squash"), ("b", "a.mtree")] {
      let result = try Tool.autosquash("diff", first, second, "--ignore", "owner", in: folder.root)
      #expect(result.status == 1 && result.text.contains("~ h: hard links: "), "\(result.summary)")
    }
    let verified = try Tool.autosquash(
      "verify", "a.squash", "--manifest", "b.mtree", in: folder.root)
    #expect(verified.status == 1 && verified.text.contains("a.squash: ~ f: hard links"))
  }

  /// Sets of attributes that share a large value exceed their table's size.
  @Test func attributesInCommonAreNoDamage() throws {
    let folder = try TemporaryFolder()
    let script = """
      import random, tarfile
      random.seed(1)
      shared = "".join(random.choice("abcdefghijklmnop") for _ in range(60000))
      with tarfile.open("t.tar", "w", format=tarfile.PAX_FORMAT) as tar:
          for number in range(1200):
              entry = tarfile.TarInfo("f%d" % number)
              entry.pax_headers = {"SCHILY.xattr.user.a": shared, "SCHILY.xattr.user.b": str(number)}
              tar.addfile(entry)
      """
    try Tool.check(["python3", "-c", script], in: folder.root)
    try Tool.check([Tool.autosquash, "pack", "t.tar", "-q"], in: folder.root)
    let result = try Tool.autosquash("verify", "t.squash", "--against", "t.tar", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    let tar = try Tool.autosquash("extract", "t.squash", "--to-tar", "o.tar", in: folder.root)
    #expect(tar.status == 0, "\(tar.summary)")
    #expect(try Tool.autosquash("diff", "t.tar", "o.tar", in: folder.root).status == 0)
  }

  @Test func whatIsNoManifestIsSaidSo() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", "mkdir a; echo 'a:b:c d' > list"], in: folder.root)
    try Tool.check([Tool.autosquash, "pack", "a", "-q"], in: folder.root)
    let result = try Tool.autosquash("verify", "a.squash", "--manifest", "list", in: folder.root)
    #expect(result.status == 2 && result.errors.contains("list: not an mtree(5) specification"))
  }

  @Test func manifestsWithoutDigestsProveNothing() throws {
    try Tool.check(
      [
        "sh", "-c",
        "cd tree && bsdtar -cf ../plain.mtree --format=mtree --options='!all,type,size,link,device' .",
      ],
      in: folder.root)
    let result = try autosquash("verify", "i.squash", "--manifest", "plain.mtree")
    #expect(result.status == 2 && result.text.contains("no SHA-256"), "\(result.summary)")
    let compared = try autosquash("diff", "i.squash", "plain.mtree")
    #expect(compared.errors.contains("not compared"), "\(compared.summary)")
    let broken = try autosquash("verify", "i.squash", "--against", "plain.mtree")
    #expect(broken.status == 2 && !broken.errors.contains("i.squash:"), "\(broken.summary)")
    #expect(
      try Tool.run(
        ["sh", "-c", "'\(Tool.autosquash)' diff i.squash tree --json > /dev/full"], in: folder.root
      ).status == 2)
  }

  // MARK: HTML

  @Test func thePageWorksInABrowser() throws {
    try Tool.check(
      [
        "sh", "-c", "echo x > 'tree/<img src=x onerror=alert(1)>.html' && echo y > 'tree/<script>'",
      ],
      in: folder.root)
    _ = try autosquash("pack", "tree", "-o", "h.squash", "-q")
    let made = try autosquash("manifest", "h.squash", "--html", "-o", "h.html")
    #expect(made.status == 0, "\(made.summary)")
    let page = try browse("h.html")
    #expect(page.contains("712 files, 7 directories"), "\(page.suffix(200))")
    #expect(page.contains("&lt;script&gt;") && !page.contains("<img src=x"))
    // A prefix letter forms one character with the sign that follows.
    try Tool.check(["cp", "h.squash", "\u{D4E}<b>.squash"], in: folder.root)
    let titled = try autosquash("manifest", "\u{D4E}<b>.squash", "--html")
    #expect(titled.text.utf8.firstRange(of: "<b>".utf8) == nil)
    let found = try browse("h.html#q=number-70")
    #expect(found.contains("2 matches"), "\(found.suffix(200))")
    #expect(found.contains("many/some-longer-name-for-file-number-700"))
  }

  @Test func thePageTakesAHundredThousandEntries() throws {
    var specification = "#mtree\n. type=dir mode=0755 uid=0 gid=0 time=0.0\n"
    for folder in 0..<200 {
      specification += "./d\(folder) type=dir mode=0755 uid=0 gid=0 time=0.0\n"
      for file in 0..<500 {
        specification += "./d\(folder)/f\(file) type=fifo mode=0644 uid=0 gid=0 time=0.0\n"
      }
    }
    try folder.write("big.mtree", Array(specification.utf8))
    let made = try autosquash("manifest", "big.mtree", "--html", "-o", "big.html")
    #expect(made.status == 0, "\(made.summary)")
    let page = try browse("big.html#q=f499")
    #expect(page.contains("200 matches") && page.contains("d199/f499"))
  }

  /// What a browser displays.
  private func browse(_ page: String) throws -> String {
    let result = try Tool.run(
      [
        "timeout", "120", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
        "--user-data-dir=\(folder.path("profile"))", "--virtual-time-budget=5000", "--dump-dom",
        "file://\(folder.path(page))",
      ], environment: ["HOME": folder.root])
    #expect(result.status == 0, "\(result.errors.suffix(1000))")
    return result.text
  }
}

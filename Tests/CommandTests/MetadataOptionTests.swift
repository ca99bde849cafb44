import Glibc
import TestSupport
import Testing

/// Modes, times, attributes and links as the user chooses.
@Suite struct MetadataOptionTests {
  @Test func whatOnlyRootCanReadIsTold() throws {
    var tar = TarBuilder()
    tar.add("./", type: "5", mode: 0o755)
    tar.add("open", bytes("x"), mode: 0o644)
    tar.add("closed", bytes("x"), mode: 0o600)
    tar.add("dir/", type: "5", mode: 0o700)
    tar.add("dir/open", bytes("x"), mode: 0o644)
    tar.add("listed/", type: "5", mode: 0o711)
    let warning =
      "only root can read or enter 2 files and directories, starting with closed (mode 0600)"
    #expect(try Packed(tar.finished()).result.errors.contains(warning))
    #expect(try Packed(tar.finished(), ["--dry-run"]).result.errors.contains(warning))
    for options in [["--chmod", "a+rX"], ["--chmod", "go=rX"]] {
      let packed = try Packed(tar.finished(), options)
      #expect(!packed.result.errors.contains("only "), "\(packed.result.summary)")
      _ = try packed.listing()
    }
    var top = TarBuilder()
    top.add("./", type: "5", mode: 0o700)
    top.add("f", bytes("x"))
    let packed = try Packed(top.finished())
    #expect(
      packed.result.errors.contains(
        "only root can enter the image (its top directory has mode 0700)")
    )
  }

  /// Users of the machines are neither root nor the owner on the machine that packs.
  @Test(arguments: [
    (
      ["--ownership", "keep"],
      "only their owners can read or enter 2 files and directories, starting with closed (mode "
        + "0600); --chmod a+rX opens them to all"
    ),
    (
      ["--ownership", "keep", "--exclude", "closed"],
      "only its owner (1004) can read or enter dir (mode 0700); --chmod a+rX opens it to all"
    ),
    (
      ["--ownership", "7:8"],
      "only their owner (7) can read or enter 2 files and directories, starting with closed (mode "
        + "0600); --chmod a+rX opens them to all"
    ),
    (
      ["--ownership", "0:8"],
      "only root can read or enter 2 files and directories, starting with closed (mode 0600); "
        + "--chmod a+rX opens them to all"
    ),
    (
      ["--ownership", "keep", "--root-becomes", "dir"],
      "only its owner (1004) can enter the image (its top directory has mode 0700); --chmod a+rX "
        + "opens it to all"
    ),
  ])
  func whatOnlyItsOwnerCanReadIsTold(options: [String], warning: String) throws {
    var tar = TarBuilder()
    tar.add("./", type: "5", mode: 0o755)
    tar.add("closed", bytes("x"), mode: 0o600, uid: 1003, gid: 1003)
    tar.add("dir/", type: "5", mode: 0o700, uid: 1004, gid: 1003)
    tar.add("dir/open", bytes("x"), mode: 0o644, uid: 1003, gid: 1003)
    tar.add("ofGroup", bytes("x"), mode: 0o640, uid: 1003, gid: 1003)
    let packed = try Packed(tar.finished(), options)
    #expect(
      packed.result.errors.contains(": warning: \(warning)\n"), "\(packed.result.summary)")
  }

  /// Options that match nothing.
  @Test(arguments: [
    (
      ["--xattrs", "user.x*,trusted.*"],
      "--xattrs user.x*,trusted.* matches nothing; all 2 extended attributes are left out"
    ),
    (["--xattrs", "user.n*"], nil), (["--xattrs", "none"], nil),
    (["--uid-map", "7:8"], "--uid-map 7:8 matches no user of the source"),
    (
      ["--gid-map", "1001:0:10", "--uid-map", "1000:1"],
      "--gid-map 1001:0:10 matches no group of the source"
    ),
    (["--gid-map", "999:0:2", "--uid-map", "1000:1"], nil),
  ])
  func whatFitsNothingIsTold(options: [String], warning: String?) throws {
    var tar = TarBuilder()
    tar.addPax([("SCHILY.xattr.user.note", bytes("a")), ("SCHILY.xattr.user.other", bytes("b"))])
    tar.add("f", bytes("x"), uid: 1000, gid: 1000)
    let errors = try Packed(tar.finished(), options).result.errors
    if let warning {
      #expect(errors.contains(": warning: \(warning)\n"), "\(errors)")
    } else {
      #expect(!errors.contains("warning"), "\(errors)")
    }
    // A match in another source is enough.
    let folder = try TemporaryFolder()
    try folder.write("a.tar", tar.finished())
    var other = TarBuilder()
    other.addPax([("SCHILY.xattr.user.x", bytes("a"))])
    other.add("g", bytes("x"), uid: 7, gid: 1001)
    try folder.write("b.tar", other.finished())
    let both = try Tool.run(
      [Tool.autosquash, "pack", "a.tar", "b.tar", "-o", "x.squash"] + options, in: folder.root)
    #expect(both.status == 0 && !both.errors.contains("warning"), "\(both.summary)")
  }

  @Test(arguments: [
    ("user", "'user' matches no extended attribute; give all, none or patterns such as user.*."),
    (
      "user.*,security",
      "'security' matches no extended attribute; give all, none or patterns such as user.*."
    ),
    ("ALL", "'ALL' matches no extended attribute; --xattrs all takes all."),
    ("None", "'None' matches no extended attribute; --xattrs none takes none."),
  ])
  func wordsThatAreNoAttributesAreRefused(text: String, told: String) throws {
    for command in [["pack", "x"], ["extract", "x.squash"]] {
      let result = try Tool.run([Tool.autosquash] + command + ["--xattrs", text])
      #expect(result.status == 64 && result.errors.contains(told), "\(result.summary)")
    }
  }

  /// chmod(1) itself decides, for files and directories with many modes.
  @Test(arguments: [
    "a+rX", "go-w", "u=rwX,go=rX", "755", "0644", "u+s", "g+s,o+t", "a-x", "+x", "=r", "u=g", "g=u",
    "o+u", "u-w+x", "ug+rw,o-rwx", "00755", "a=", "o=t", "-t", "u+x,g+X", "7777", "g-s", "u=s",
  ])
  func modesAreThoseOfChmod(mode: String) throws {
    let folder = try TemporaryFolder()
    let modes = ["0000", "0644", "0755", "0700", "2755", "4711", "1777", "6070", "0007", "0421"]
    try Tool.check(
      [
        "sh", "-ec",
        """
        umask 0; mkdir t; cd t
        for m in \(modes.joined(separator: " ")); do
          echo x >f$m; mkdir d$m; chmod $m f$m d$m
        done
        cd ..; tar -cf in.tar t; cp -a t want; chmod -- \(mode) want/*
        """,
      ], in: folder.root)
    let result = try Tool.autosquash(
      "pack", "in.tar", "--chmod=\(mode)", "--keep-setid", "--strip-components", "1",
      in: folder.root)
    try #require(result.status == 0, "\(result.summary)")
    let listing = try Listing(of: folder.path("in.squash"))
    let wanted = try Tool.check(
      ["find", "want", "-mindepth", "1", "-printf", "%P %M\n"], in: folder.root
    ).text
    for line in wanted.split(separator: "\n") {
      let words = line.split(separator: " ")
      #expect(listing[String(words[0])]?.mode == String(words[1]), "\(mode): \(line)")
    }
  }

  @Test(arguments: ["", "888", "a+q", "a", "77777", "u+r,", "x+r", "+r+"])
  func whatIsNoModeIsRefused(mode: String) throws {
    var tar = TarBuilder()
    tar.add("f", bytes("x"))
    let packed = try Packed(tar.finished(), ["--chmod=\(mode)"])
    let isFine = ["+r+"].contains(mode)  // chmod(1) accepts it
    #expect(packed.result.status == (isFine ? 0 : 64), "\(mode): \(packed.result.summary)")
  }

  @Test func timesAreSetAndClamped() throws {
    var tar = TarBuilder()
    tar.add("old", bytes("x"), mtime: 1_000_000_000)
    tar.add("new", bytes("x"), mtime: 1_600_000_000)
    tar.add("d/made", bytes("x"), mtime: 1_600_000_000)
    let set = try Packed(tar.finished(), ["--mtime", "2021-02-03"]).listing()
    for path in ["", "old", "new", "d", "d/made"] {
      #expect(set[path]?.modified == "2021-02-03 00:00")
    }
    let clamped = try Packed(tar.finished(), ["--clamp-mtime", "2010-01-02T03:04:05Z"]).listing()
    #expect(clamped["old"]?.modified == "2001-09-09 01:46")
    for path in ["", "new", "d"] { #expect(clamped[path]?.modified == "2010-01-02 03:04") }
    let both = try Packed(tar.finished(), ["--mtime", "@5", "--clamp-mtime", "@6"])
    #expect(both.result.status == 64)
  }

  /// date(1) decides.
  @Test(arguments: [
    "1970-01-01", "2000-02-29", "2026-12-31 23:59:59", "2026-11-28T12:00", "2100-02-28",
    "2024-02-29T00:00:00+05:30", "1999-12-31 23:00-08:00", "2004-02-29 12:00Z",
  ])
  func datesAreThoseOfDate(text: String) throws {
    var tar = TarBuilder()
    tar.add("f", bytes("x"))
    let packed = try Packed(tar.finished(), ["--mtime", text])
    try #require(packed.result.status == 0, "\(packed.result.summary)")
    let wanted = try Tool.check(["date", "-u", "-d", text, "+%Y-%m-%d %H:%M"]).text
    #expect(
      try packed.listing()["f"]?.modified == wanted.split(separator: "\n").first.map(String.init))
  }

  @Test(arguments: [
    "yesterday", "2026-13-01", "2026-02-30", "@", "2026-1-1", "2026-01-01 25:00", "@-5",
  ])
  func whatIsNoDateIsRefused(text: String) throws {
    var tar = TarBuilder()
    tar.add("f", bytes("x"))
    #expect(try Packed(tar.finished(), ["--mtime", text]).result.status == 64)
  }

  @Test func attributesAreTakenByChoice() throws {
    var tar = TarBuilder()
    tar.addPax([
      ("SCHILY.xattr.user.note", bytes("n")), ("SCHILY.xattr.user.other", bytes("o")),
      ("SCHILY.xattr.user.xdg.origin.url", bytes("u")),
      ("SCHILY.xattr.security.selinux", bytes("label")),
      ("SCHILY.xattr.com.apple.quarantine", bytes("q")),
    ])
    tar.add("f", bytes("x"))
    func names(_ options: [String]) throws -> (Set<String>, String) {
      let packed = try Packed(tar.finished(), options)
      try #require(packed.result.status == 0, "\(packed.result.summary)")
      let verified = try Tool.run(
        [Tool.autosquash, "verify", "out.squash", "--against", "in.tar"] + options,
        in: packed.folder.root)
      #expect(verified.status == 0, "\(verified.summary)")
      try Tool.check(["unsquashfs", "-n", "-d", "out", "out.squash"], in: packed.folder.root)
      let found = try Tool.check(
        ["getfattr", "--absolute-names", "-m", "-", packed.folder.path("out/f")]
      ).text
      return (
        Set(found.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }),
        packed.result.errors
      )
    }
    let (usual, told) = try names([])
    #expect(usual == ["user.note", "user.other"])
    #expect(told.contains("3 machine-specific extended attributes left out"))
    #expect(try names(["--xattrs", "none"]).0 == [])
    #expect(
      try names(["--xattrs", "user.n*,user.xdg.*"]).0 == ["user.note", "user.xdg.origin.url"])
    let whole = try Packed(tar.finished(), ["--xattrs", "all"])
    for (options, count) in [([], 2), (["--xattrs", "all"], 4), (["--xattrs", "none"], 0)] {
      let arguments = [Tool.autosquash, "extract", "out.squash", "-C", "x", "--force"] + options
      try Tool.check(["rm", "-rf", "x"], in: whole.folder.root)
      let extracted = try Tool.run(arguments, in: whole.folder.root)
      #expect(extracted.status == 0, "\(extracted.summary)")
      #expect(
        extracted.errors.contains("2 machine-specific extended attributes left out")
          == options.isEmpty)
      let found = try Tool.check(
        ["getfattr", "--absolute-names", "-m", "-", whole.folder.path("x/f")])
      #expect(found.text.split(separator: "\n").count { !$0.hasPrefix("#") } == count)
      let archive = try Tool.run(
        [Tool.autosquash, "extract", "out.squash", "--to-tar", "-"] + options, in: whole.folder.root
      )
      let attributes = String(decoding: archive.output, as: UTF8.self)
        .ranges(of: "SCHILY.xattr.").count
      #expect(attributes == count)
    }
    let (all, rest) = try names(["--xattrs", "all"])
    #expect(all == ["security.selinux", "user.note", "user.other", "user.xdg.origin.url"])
    #expect(rest.contains("1 extended attribute left out: an image cannot hold it"))
  }

  /// Linux's mode; other systems write other ones.
  @Test func symbolicLinksHaveOneMode() throws {
    var tar = TarBuilder()
    tar.add("l", type: "2", mode: 0o755, link: "f")
    tar.add("m", type: "2", mode: 0o600, link: "f")
    let listing = try Packed(tar.finished(), ["--chmod", "a-rwx"]).listing()
    #expect(listing["l"]?.mode == "lrwxrwxrwx" && listing["m"]?.mode == "lrwxrwxrwx")
  }

  @Test func hardLinksBecomeFilesThatShareTheirData() throws {
    var tar = TarBuilder()
    let data = [UInt8](repeating: 7, count: 300_000)
    tar.add("a", data)
    tar.add("b", type: "1", link: "a")
    tar.add("c", type: "1", link: "b")
    let packed = try Packed(tar.finished(), ["--no-hard-links", "--compression", "none"])
    #expect(packed.result.errors.contains("2 names of hard links became files of their own"))
    let info = try Tool.autosquash("ls", "-l", packed.image).text
    #expect(info.split(separator: "\n").allSatisfy { $0.contains(" 1 0 0 ") }, "\(info)")
    #expect(try packed.folder.read("out.squash").count < 400_000)
    let verified = try Tool.autosquash(
      "verify", "out.squash", "--against", "in.tar", "--no-hard-links", in: packed.folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
    #expect(
      try Tool.autosquash("verify", "out.squash", "--against", "in.tar", in: packed.folder.root)
        .status == 1)
  }

  @Test func shortOptionsOfMksquashfsWork() throws {
    var tar = TarBuilder()
    tar.add("f", bytes("x"))
    let packed = try Packed(tar.finished(), ["-c", "zstd", "-b", "256K"])
    _ = try packed.listing()
    let told = try Tool.check(["unsquashfs", "-s", packed.image]).text
    #expect(told.contains("Compression zstd") && told.contains("Block size 262144"))
  }

  @Test func excludesThatMatchNothingAreTold() throws {
    var tar = TarBuilder()
    tar.add("a.bam", bytes("x"))
    tar.add("f", bytes("x"))
    let packed = try Packed(
      tar.finished(), ["--exclude", "*.bam", "--exclude", "a.*", "--exclude", "*.bai"])
    _ = try packed.listing()
    #expect(packed.result.errors.contains("warning: --exclude *.bai matches nothing\n"))
    #expect(packed.result.errors.ranges(of: "matches nothing").count == 1)
  }

  @Test func imagesGoToStandardOutput() throws {
    var tar = TarBuilder()
    tar.add("f", bytes("x"))
    let packed = try Packed(tar.finished())
    _ = try packed.listing()
    let piped = try Tool.autosquash("pack", "in.tar", "-o", "-", in: packed.folder.root)
    #expect(piped.status == 0)
    #expect(try piped.output == packed.folder.read("out.squash"))
    let full = try Tool.run(
      ["sh", "-c", "'\(Tool.autosquash)' pack in.tar -o - >/dev/full"], in: packed.folder.root)
    #expect(full.status == 1 && full.errors.contains("No space left"), "\(full.summary)")
    let terminal = try Tool.run(
      ["script", "-qec", "'\(Tool.autosquash)' pack in.tar -o -", "/dev/null"],
      in: packed.folder.root)
    #expect(terminal.status == 1 && terminal.text.contains("a terminal cannot take an image"))
  }

  /// A specification's digests are those of the files it names.
  @Test func digestsOfSpecificationsCount() throws {
    let folder = try TemporaryFolder()
    try folder.write("f", bytes("content"))
    for (tool, keyword) in [
      ("md5sum", "md5"), ("sha1sum", "sha1"), ("sha256sum", "sha256"), ("sha512sum", "sha512"),
      ("sha384sum", "sha384"),
    ] {
      let sum = try Tool.check(["sh", "-c", "\(tool) <f"], in: folder.root).text.prefix {
        $0 != " "
      }
      for (digest, status) in [(String(sum), 0), (String(sum.reversed()), 1)] as [(String, Int32)] {
        try folder.write(
          "in.mtree", bytes("#mtree\n./f type=file mode=0644 \(keyword)=\(digest) contents=f\n"))
        let result = try Tool.autosquash("pack", "in.mtree", "-f", in: folder.root)
        #expect(result.status == status, "\(keyword): \(result.summary)")
        if status != 0 { #expect(result.errors.contains(" differs from the specification")) }
      }
    }
  }

  /// link(2) follows them, and so does tar.
  @Test func targetsOfHardLinksMayGoThroughSymbolicLinks() throws {
    var tar = TarBuilder()
    tar.add("r/d/", type: "5", mode: 0o755)
    tar.add("r/l", type: "2", link: "d")
    tar.add("r/d/f", bytes("x"))
    tar.add("r/d/g", type: "1", link: "r/l/f")
    tar.add("r/m", type: "2", link: "l/../l")
    tar.add("r/h", type: "1", link: "r/m/g")
    let packed = try Packed(tar.finished())
    #expect(try packed.listing().paths == ["d", "d/f", "d/g", "h", "l", "m"])
    #expect(try packed.text("d/g") == "x")
    #expect(try packed.text("h") == "x")
    for target in ["/etc", "..", "loop", "nowhere"] {
      var bad = TarBuilder()
      bad.add("r/f", bytes("x"))
      bad.add("r/loop", type: "2", link: target)
      bad.add("r/g", type: "1", link: "r/loop/f")
      let refused = try Packed(bad.finished())
      #expect(
        refused.failed("r/g: a hard link to r/loop/f, and r/loop on the way is a symbolic link"),
        "\(refused.result.summary)")
    }
  }

  @Test func hardLinksWithDataOfTheirOwnAreNamed() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "python3", "-c",
        """
        import tarfile, io
        t = tarfile.open('t.tar', 'w', format=tarfile.GNU_FORMAT)
        for n, ty, ln in (('a.exe', b'0', ''), ('b.exe', b'1', 'a.exe'), ('c', b'0', '')):
            i = tarfile.TarInfo(n); i.type, i.linkname, i.size = ty, ln, 700
            t.addfile(i, io.BytesIO(b'A' * 700))
        t.close()
        """,
      ], in: folder.root)
    let result = try Tool.autosquash("pack", "t.tar", in: folder.root)
    #expect(
      result.status == 1
        && result.errors.contains("at b.exe: a hard link claims 700 bytes of its own"),
      "\(result.summary)")
  }
}

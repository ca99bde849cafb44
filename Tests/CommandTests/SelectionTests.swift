import TestSupport
import Testing

@Suite struct SelectionTests {
  private static func archive() -> [UInt8] {
    var tar = TarBuilder()
    tar.add("top/", type: "5", mode: 0o750, mtime: 1_000_000_000)
    tar.add("top/doc/", type: "5", mode: 0o755)
    tar.add("top/doc/a.pdf", bytes("pdf"))
    tar.add("top/doc/a.txt", bytes("txt"))
    tar.add("top/src/", type: "5", mode: 0o755)
    tar.add("top/src/b.txt", bytes("b"))
    tar.add("top/src/deep/c.txt", bytes("c"))
    return tar.finished()
  }

  @Test func singleTopDirectoryBecomesTheRoot() throws {
    let listing = try Packed(Self.archive()).listing()
    #expect(listing.paths.first == "doc" && listing.paths.count == 7)
    #expect(listing[""]?.mode == "drwxr-x---")
    #expect(listing[""]?.modified == "2001-09-09 01:46")
  }

  @Test func archivesWithATopOfTheirOwnAreNotStripped() throws {
    var rooted = TarBuilder()
    rooted.add("./", type: "5", mode: 0o755)
    rooted.add("./only/", type: "5", mode: 0o755)
    rooted.add("./only/f", bytes("x"))
    #expect(try Packed(rooted.finished()).listing().paths == ["only", "only/f"])
    var two = TarBuilder()
    two.add("a/f", bytes("x"))
    two.add("b/f", bytes("x"))
    #expect(try Packed(two.finished()).listing().paths == ["a", "a/f", "b", "b/f"])
    var file = TarBuilder()
    file.add("f", bytes("x"))
    #expect(try Packed(file.finished()).listing().paths == ["f"])
  }

  struct Case: Sendable {
    var options: [String]
    /// The expected paths, separated by spaces.
    var expected: String
  }

  @Test(arguments: [
    Case(
      options: ["--strip-components", "0"],
      expected: "top top/doc top/doc/a.pdf top/doc/a.txt top/src top/src/b.txt top/src/deep "
        + "top/src/deep/c.txt"),
    Case(
      options: ["--strip-components", "1"],
      expected: "doc doc/a.pdf doc/a.txt src src/b.txt src/deep src/deep/c.txt"),
    Case(options: ["--strip-components", "2"], expected: "a.pdf a.txt b.txt deep deep/c.txt"),
    Case(options: ["--root-becomes", "src"], expected: "b.txt deep deep/c.txt"),
    Case(options: ["--root-becomes", "/src/"], expected: "b.txt deep deep/c.txt"),
    Case(
      options: ["--root-becomes", "src", "--prefix", "x/y"],
      expected: "x x/y x/y/b.txt x/y/deep x/y/deep/c.txt"),
    Case(
      options: ["--prefix", "x"],
      expected: "x x/doc x/doc/a.pdf x/doc/a.txt x/src x/src/b.txt x/src/deep x/src/deep/c.txt"),
    Case(
      options: ["--exclude", "*.pdf"],
      expected: "doc doc/a.txt src src/b.txt src/deep src/deep/c.txt"),
    Case(options: ["--exclude", "doc"], expected: "src src/b.txt src/deep src/deep/c.txt"),
    Case(
      options: ["--exclude", "doc/*.txt"],
      expected: "doc doc/a.pdf src src/b.txt src/deep src/deep/c.txt"),
    Case(options: ["--exclude", "/doc"], expected: "src src/b.txt src/deep src/deep/c.txt"),
    Case(
      options: ["--exclude", "/top/doc", "--exclude", "top"],
      expected: "doc doc/a.pdf doc/a.txt src src/b.txt src/deep src/deep/c.txt"),
    Case(
      options: ["--exclude", "/top/doc", "--exclude", "/doc", "--strip-components", "0"],
      expected: "top top/src top/src/b.txt top/src/deep top/src/deep/c.txt"),
    Case(
      options: ["--root-becomes", "src", "--exclude", "/deep"], expected: "b.txt"),
    Case(
      options: ["--prefix", "x", "--exclude", "/doc"],
      expected: "x x/src x/src/b.txt x/src/deep x/src/deep/c.txt"),
    Case(options: ["--include", "/doc"], expected: "doc doc/a.pdf doc/a.txt"),
    Case(
      options: ["--exclude", "src/**/c.txt"], expected: "doc doc/a.pdf doc/a.txt src src/b.txt"),
    Case(
      options: ["--include", "*.txt"],
      expected: "doc doc/a.txt src src/b.txt src/deep src/deep/c.txt"),
    Case(options: ["--include", "src"], expected: "src src/b.txt src/deep src/deep/c.txt"),
    Case(
      options: ["--include", "*.txt", "--exclude", "deep"], expected: "doc doc/a.txt src src/b.txt"),
  ])
  func selects(_ test: Case) throws {
    let paths = try Packed(Self.archive(), test.options).listing().paths
    #expect(paths.joined(separator: " ") == test.expected)
  }

  /// Which of an archive's tops remain does not change where things go.
  @Test(arguments: [["--include", "/etc"], ["--exclude", "/usr"]])
  func selectionDoesNotChangeStripping(options: [String]) throws {
    var tar = TarBuilder()
    tar.add("etc/passwd", bytes("x"))
    tar.add("usr/bin", bytes("x"))
    #expect(try Packed(tar.finished(), options).listing().paths == ["etc", "etc/passwd"])
  }

  @Test func filesThatLoseTheirWholeNameAreLeftOut() throws {
    var tar = TarBuilder()
    tar.add("README", bytes("x"))
    tar.add("d/f", bytes("x"))
    #expect(try Packed(tar.finished(), ["--strip-components", "1"]).listing().paths == ["f"])
  }

  @Test func dryRunNamesTheRuleOfEachExclusion() throws {
    let packed = try Packed(Self.archive(), ["--exclude", "*.pdf", "--dry-run"])
    #expect(packed.result.status == 0)
    #expect(
      packed.result.text == """
        - top/doc/a.pdf  (--exclude *.pdf)
        + doc/
        + doc/a.txt
        + src/
        + src/b.txt
        + src/deep/
        + src/deep/c.txt
        3 files, 3 directories; 1 left out

        """)
    #expect(!packed.folder.exists("out.squash"))
  }

  /// An excluded directory takes one line, and counts once.
  @Test(arguments: [
    (["--exclude", "/src"], "- top/src  (--exclude /src)\n+ doc/\n", "; 1 left out\n"),
    (
      ["--root-becomes", "doc"],
      "- top/src  (not below --root-becomes or --strip-components)\n+ a.pdf\n", "; 1 left out\n"
    ),
    (
      ["--exclude", "c.*", "--exclude", "deep"], "- top/src/deep  (--exclude deep)\n+",
      "; 1 left out\n"
    ),
    ([], "+ doc/\n", "4 files, 3 directories\n"),
  ])
  func dryRunNamesADirectoryOnce(options: [String], start: String, end: String) throws {
    let text = try Packed(Self.archive(), options + ["--dry-run"]).result.text
    #expect(text.hasPrefix(start) && text.hasSuffix(end), "\(text)")
  }

  /// A mistyped name among several would only be missed in a course.
  @Test func includesThatMatchNothingAreTold() throws {
    let packed = try Packed(
      Self.archive(), ["--include", "src", "--include", "src/b.txt", "--include", "*.tx"])
    #expect(packed.result.status == 0)
    #expect(packed.result.errors.contains("out.squash: warning: --include *.tx matches nothing\n"))
    #expect(packed.result.errors.ranges(of: "matches nothing").count == 1)
  }

  /// Each case with its message; empty if the pattern matches.
  @Test(arguments: [
    (
      ["--exclude", "/top/src"],
      "--exclude /top/src matches nothing: patterns begin at the image's root; /src would match"
    ),
    (["--exclude", "./top/*.x"], "--exclude ./top/*.x matches nothing"),
    (["--exclude", "top"], "--exclude top matches nothing: patterns begin at the image's root"),
    (
      ["--exclude", "t?p/doc/*.pdf"],
      "--exclude t?p/doc/*.pdf matches nothing: patterns begin at the image's root; /doc/*.pdf would match"
    ),
    (
      ["--include", "/top/src", "--include", "doc"],
      "--include /top/src matches nothing: patterns begin at the image's root; /src would match"
    ),
    (
      ["--strip-components", "2", "--exclude", "/top/src/deep"],
      "--exclude /top/src/deep matches nothing: patterns begin at the image's root; /deep would match"
    ),
    (["--root-becomes", "src", "--exclude", "/src/deep"], "--exclude /src/deep matches nothing"),
    (
      ["--prefix", "x/y", "--exclude", "/x/y/doc"],
      "--exclude /x/y/doc matches nothing: patterns begin below --prefix"
    ),
    (
      ["--exclude", "/src", "--exclude", "**/top/doc", "--exclude", "/top/**/x"],
      "--exclude **/top/doc matches nothing: patterns begin at the image's root\n--exclude /top/**/x matches nothing"
    ),
    (
      ["--exclude", "/src", "--exclude", "**/doc/*.txt", "--exclude", "b.*"],
      // It would match only in what is excluded anyway.
      "--exclude b.* matches nothing"
    ),
    (["--exclude", "/src/deep", "--exclude", "*.txt", "--include", "src"], ""),
  ])
  func whatMatchesNothingIsTold(options: [String], told: String) throws {
    for mode in [[], ["--dry-run"]] {
      let packed = try Packed(Self.archive(), options + mode)
      #expect(packed.result.status == 0, "\(packed.result.summary)")
      let lines = packed.result.errors.split(separator: "\n").filter {
        $0.contains("matches nothing")
      }.map { $0.split(separator: ": ").dropFirst(3).joined(separator: ": ") }
      #expect(lines.joined(separator: "\n") == told)
    }
  }

  /// Patterns are anchored below a directory, as they are below an archive's top.
  @Test(arguments: [
    (
      "--exclude ref/tmp",
      "--exclude ref/tmp matches nothing: patterns begin at the image's root; /tmp would match"
    ),
    (
      "--exclude /ref/t*",
      "--exclude /ref/t* matches nothing: patterns begin at the image's root; /t* would match"
    ),
    (
      "--exclude $PWD/data/ref/tmp/x",
      "--exclude $PWD/data/ref/tmp/x matches nothing: patterns begin at the image's root; /tmp/x would match"
    ),
    (
      "--exclude data/ref/tmp",
      "--exclude data/ref/tmp matches nothing: patterns begin at the image's root; /tmp would match"
    ),
    ("--exclude ref/no", "--exclude ref/no matches nothing"),
    ("--exclude ref", "--exclude ref matches nothing"),
    (
      "--root-becomes ref/tmp",
      "--root-becomes ref/tmp matches nothing: it begins at the image's root; tmp would match"
    ),
    (
      "--root-becomes $PWD/data/ref/tmp/",
      "--root-becomes $BELOW/data/ref/tmp matches nothing: it begins at the image's root; tmp would match"
    ),
    ("--root-becomes ref", "--root-becomes ref matches nothing: ref/ is the image's root already"),
  ])
  func theDirectorysOwnNameIsTold(option: String, told: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "mkdir -p data/ref/tmp; echo x >data/ref/tmp/x; ln -s data/ref link"],
      in: folder.root)
    for source in ["data/ref", "./data//ref/", "$PWD/data/ref", "link"] {
      let result = try Tool.run(
        ["sh", "-c", "'\(Tool.autosquash)' pack \(source) \(option) -o x.squash -f"],
        in: folder.root)
      let line = told.replacing("$PWD", with: folder.root)
        .replacing("$BELOW", with: folder.root.dropFirst())
      #expect(
        result.errors.contains("autosquash: x.squash: warning: \(line)\n"),
        "\(source): \(result.summary)")
    }
  }

  @Test(arguments: [
    ("top/src", "it begins at the image's root; src would match"),
    ("top", "top/ is the image's root already"),
  ])
  func aRootWithTheLostTopIsTold(path: String, told: String) throws {
    let packed = try Packed(Self.archive(), ["--root-becomes", path])
    #expect(packed.failed("warning: --root-becomes \(path) matches nothing: \(told)\n"))
    #expect(packed.failed("these options exclude everything"))
  }

  @Test func excludesFromAFile() throws {
    let folder = try TemporaryFolder()
    try folder.write("in.tar", Self.archive())
    try folder.write("patterns", bytes("# comment\n\n*.pdf\r\ndeep\n"))
    let result = try Tool.autosquash(
      "pack", "in.tar", "--exclude-from", "patterns", in: folder.root)
    #expect(result.status == 0)
    #expect(
      try Listing(of: folder.path("in.squash")).paths == ["doc", "doc/a.txt", "src", "src/b.txt"])
    try folder.write("one", bytes("*.pdf\n/top/src\n"))
    try folder.write("two", bytes("*.pdf\n/top/src\n*.x\n"))
    let told = try Tool.autosquash(
      "pack", "in.tar", "-f", "--exclude-from", "one", "--exclude-from", "two", "--exclude", "y",
      in: folder.root)
    #expect(
      told.errors.hasPrefix(
        """
        autosquash: in.squash: warning: --exclude y matches nothing
        autosquash: in.squash: warning: --exclude-from one: /top/src matches nothing: patterns \
        begin at the image's root; /src would match
        autosquash: in.squash: warning: --exclude-from two: 2 patterns match nothing, starting \
        with /top/src

        """), "\(told.errors)")
    let missing = try Tool.autosquash(
      "pack", "in.tar", "-f", "--exclude-from", "none", in: folder.root)
    #expect(missing.status == 2 && missing.errors.contains("none: cannot read"))
  }
}

@Suite struct OwnershipTests {
  private static func archive() -> [UInt8] {
    var tar = TarBuilder()
    tar.add("./", type: "5", mode: 0o755, uid: 500, gid: 500)
    tar.add("a", bytes("x"), mode: 0o4755, uid: 500, gid: 501)
    tar.add("b", bytes("x"), mode: 0o2745, uid: 1005, gid: 7)
    tar.add("c", bytes("x"), mode: 0o6755, uid: 0, gid: 0)
    tar.add("d/", type: "5", mode: 0o3777, uid: 9, gid: 9)
    return tar.finished()
  }

  @Test func rootIsTheDefaultAndSetIDBitsGoWithTheOwner() throws {
    let packed = try Packed(Self.archive())
    let listing = try packed.listing()
    #expect(listing.entries.values.allSatisfy { $0.owner == "0/0" })
    #expect(listing["a"]?.mode == "-rwxr-xr-x")
    // Without group execution the bit means locking, which chown(2) keeps.
    #expect(listing["b"]?.mode == "-rwxr-Sr-x")
    #expect(listing["c"]?.mode == "-rwsr-sr-x")
    #expect(listing["d"]?.mode == "drwxrwsrwt")
    #expect(packed.result.errors.contains("1 file lost its set-id bits"))
    let kept = try Packed(Self.archive(), ["--keep-setid"]).listing()
    #expect(kept["a"]?.mode == "-rwsr-xr-x")
  }

  @Test(arguments: [
    (["--ownership", "keep"], ["a": "500/501", "b": "1005/7", "d": "9/9"]),
    (["--ownership", "7:8"], ["a": "7/8", "c": "7/8"]),
    (["--uid-map", "1000:2000:10"], ["": "0/0", "a": "0/0", "b": "2005/0", "d": "0/0"]),
    (["--gid-map", "501:100"], ["a": "0/100", "b": "0/0"]),
    (["--uid-map", "500:5", "--gid-map", "501:100"], ["a": "5/100", "b": "0/0"]),
    (["--uid-map", "1000:2000:10", "--ownership", "keep"], ["a": "500/501", "b": "2005/7"]),
    (["--uid-map", "500:5", "--ownership", "7:8"], ["a": "5/8", "b": "7/8", "c": "7/8"]),
  ])
  func ownersFollowTheOptions(options: [String], expected: [String: String]) throws {
    let packed = try Packed(Self.archive(), options)
    let listing = try packed.listing()
    for (path, owner) in expected { #expect(listing[path]?.owner == owner, "\(path)") }
    let verify = [Tool.autosquash, "verify", "out.squash", "--against", "in.tar"]
    #expect(try Tool.run(verify + options, in: packed.folder.root).status == 0)
  }

  @Test(arguments: [
    ["--ownership", "me"], ["--ownership", "1:x"], ["--uid-map", "1"], ["--uid-map", "1:2:0"],
    ["--uid-map", "4294967295:1:2"],
    ["--compression", "rar"], ["--level", "10"], ["--block-size", "100K"], ["--block-size", "2M"],
    ["--threads", "0"], ["--strip-components", "x"], ["--root-becomes", "../x"],
  ])
  func badOptionsAreUsageErrors(options: [String]) throws {
    let packed = try Packed(Self.archive(), options)
    #expect(packed.result.status == 64, "\(packed.result.summary)")
    #expect(packed.folder.names == ["in.tar"])
  }

  @Test func tooManyOwnersIsAClearError() throws {
    var tar = TarBuilder()
    for uid in 0..<65537 { tar.add("f\(uid)", uid: uid, gid: 0) }
    #expect(
      try Packed(tar.finished(), ["--ownership", "keep"]).failed("more than 65,535 different"))
    #expect(try Packed(tar.finished()).result.status == 0)
  }
}

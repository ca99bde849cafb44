import TestSupport
import Testing

/// Links that lead out of an image.
@Suite struct DanglingLinkTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p t/data t/sub/dir out; echo x >out/genome; echo y >t/sub/file
        ln -s $PWD/out/genome t/data/a; ln -s ../../out/genome t/data/b
        ln -s a t/data/c; ln -s ../sub/file t/data/d; ln -s /sub/file t/data/e
        ln -s /nowhere t/data/n
        """,
      ], in: folder.root)
  }

  private func autosquash(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash] + arguments, in: folder.root)
  }

  /// A single link `l` in a directory `d`, next to what each case needs.
  @Test(arguments: [
    ("f", true), ("../d/f", true), ("./f", true), ("/d/f", false), ("/d/../d/f", false),
    ("..", true), ("/", false), (".", true), ("../d/", true), ("../../d/f", false),
    ("/../d/f", false),
    ("missing", false), ("/missing", false), ("f/", false), ("f/.", false), ("f/..", false),
    ("l", false), ("loop1", false), ("good", true), ("good/", false), ("way/f", true),
    ("way/missing", false), ("root/d/f", false), ("out/../d/f", false), ("h1", true), ("h0", false),
    ("/dev/null", true), ("/proc/self/fd", true), ("/run/x/y", true), ("/sys/kernel", true),
    ("/tmp/x", false), ("../proc/mounts", false), ("/../dev/null", true), ("viadev/x", true),
  ])
  func linksAreFollowedAsLinuxDoes(target: String, leadsSomewhere: Bool) throws {
    var tar = TarBuilder()
    func link(_ name: String, _ target: String) { tar.add("./d/\(name)", type: "2", link: target) }
    tar.add("./", type: "5", mode: 0o755)
    tar.add("./d/", type: "5", mode: 0o755)
    tar.add("./d/f", bytes("x"))
    for (name, target) in [
      ("loop1", "loop2"), ("loop2", "loop1"), ("good", "f"), ("way", "../d"), ("root", "/"),
      ("out", "../.."), ("viadev", "/dev/shm"),
    ] { link(name, target) }
    for index in 0..<40 { link("h\(index)", index == 39 ? "f" : "h\(index + 1)") }
    link("l", target)
    let packed = try Packed(tar.finished())
    try #require(packed.result.status == 0)
    let count = leadsSomewhere ? 4 : 5
    #expect(
      packed.result.errors.contains(
        "warning: \(count) links lead out of the image or to nothing in it: d/root -> /\n"),
      "\(packed.result.errors)")
  }

  @Test func packTellsOfLinksThatLeadOut() throws {
    let hint = "; --dereference packs their targets; 2 lead to nothing here either\n"
    let told =
      "autosquash: t.squash: warning: 5 links lead out of the image: data/a -> "
      + "\(folder.path("out/genome"))"
    let packed = try autosquash("pack", "t")
    #expect(packed.status == 0 && packed.errors.hasPrefix(told + hint), "\(packed.summary)")
    #expect(try autosquash("pack", "t", "-f", "--strict").status == 0)
    #expect(try autosquash("pack", "t", "-f", "-q").errors == "")
    #expect(
      try autosquash("pack", "t", "--dry-run").errors
        == (told + hint).replacing("t.squash", with: "t"))
    try Tool.check(["tar", "--sort=name", "-cf", "t.tar", "t"], in: folder.root)
    let archive = try autosquash("pack", "t.tar", "-f")
    #expect(archive.errors.hasPrefix(told + "\n"), "\(archive.errors)")
    let json = try autosquash("pack", "t", "-f", "--json").text
    #expect(
      json.contains("\"danglingLinks\": 5") && json.contains("5 links lead out"), "\(json)")
    // An excluded file is no target.
    let without = try autosquash("pack", "t", "-f", "--exclude", "/sub", "--exclude", "[abn]")
    #expect(
      without.errors.contains(
        "warning: 3 links lead out of the image or to nothing in it: data/c -> a; "
          + "--dereference packs their targets; 1 leads to nothing here either\n"),
      "\(without.errors)")
    let below = try autosquash("pack", "t", "-f", "--prefix", "x", "--exclude", "[bcen]")
    #expect(
      below.errors.contains(
        "warning: 1 link leads out of the image: x/data/a -> \(folder.path("out/genome")); "
          + "--dereference packs its target\n"), "\(below.errors)")
    let nowhere = try autosquash(
      "pack", "t", "-f", "--root-becomes", "data", "--exclude", "[abcd]")
    #expect(
      nowhere.errors.contains("warning: 2 links lead out of the image: e -> /sub/file\n"),
      "\(nowhere.errors)")
    let none = try autosquash("pack", "t", "-f", "--exclude", "[abcen]")
    #expect(!none.errors.contains("warning"), "\(none.errors)")
    let merged = try autosquash("pack", "t", "--prefix", "more", "out", "-o", "t.squash", "-f")
    #expect(merged.errors.contains("warning: 5 links lead out of the image: "), "\(merged.errors)")
  }

  @Test func allAreListed() throws {
    let packed = try autosquash("pack", "t", "-v")
    for link in ["data/b -> ../../out/genome", "data/c -> a", "data/e -> /sub/file"] {
      #expect(
        packed.errors.contains("autosquash: \(link): leads out of the image\n"),
        "\(packed.errors)")
    }
    #expect(!packed.errors.contains("data/d"))
    let lost = try autosquash("pack", "t", "-vf", "--exclude", "a").errors
    #expect(lost.contains("autosquash: data/c -> a: leads to nothing in the image\n"), "\(lost)")
  }

  /// Commands that read an image follow such a link from its root.
  @Test func aLinkThatLeadsOutIsMarked() throws {
    _ = try autosquash("pack", "t", "-q")
    let info = try autosquash("info", "t.squash", "data/e").text
    #expect(
      info.contains(
        "target             /sub/file  (leads out of the mounted image)\n"),
      "\(info)")
    #expect(try autosquash("cat", "t.squash", "data/e").text == "y\n")
  }
}

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

  /// Of one link `l` in a directory `d`, beside what each case needs.
  @Test(arguments: [
    ("f", true), ("../d/f", true), ("./f", true), ("/d/f", true), ("/d/../d/f", true),
    ("..", true), ("/", true), (".", true), ("../d/", true), ("../../d/f", false),
    ("/../d/f", true),
    ("missing", false), ("/missing", false), ("f/", false), ("f/.", false), ("f/..", false),
    ("l", false), ("loop1", false), ("good", true), ("good/", false), ("way/f", true),
    ("way/missing", false), ("root/d/f", true), ("out/../d/f", false), ("h1", true), ("h0", false),
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
    let count = leadsSomewhere ? 3 : 4
    #expect(
      packed.result.errors.contains(
        "warning: \(count) links lead to nothing in the image: d/out -> ../..\n"),
      "\(packed.result.errors)")
  }

  @Test func packTellsOfLinksThatLeadOut() throws {
    let hint = "; --dereference packs what they lead to\n"
    let told =
      "autosquash: t.squash: warning: 4 links lead to nothing in the image: data/a -> "
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
      json.contains("\"danglingLinks\": 4") && json.contains("4 links lead to nothing"), "\(json)")
    // What is left out is not there to lead to; below a prefix, absolute links lead elsewhere.
    let without = try autosquash("pack", "t", "-f", "--exclude", "/sub", "--exclude", "[abn]")
    #expect(without.errors.contains("warning: 3 links lead to nothing in the image: data/c -> a"))
    let below = try autosquash("pack", "t", "-f", "--prefix", "x", "--exclude", "[abcn]")
    #expect(
      below.errors.contains(
        "warning: 1 link leads to nothing in the image: x/data/e -> /sub/file; --dereference packs "
          + "what it leads to\n"), "\(below.errors)")
    #expect(
      try autosquash("pack", "t", "-f", "--exclude", "[abcn]").errors.contains("warning") == false)
    let merged = try autosquash("pack", "t", "--prefix", "more", "out", "-o", "t.squash", "-f")
    #expect(merged.errors.contains("warning: 4 links lead to nothing"), "\(merged.errors)")
  }
}

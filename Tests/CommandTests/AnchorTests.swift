import TestSupport
import Testing

/// Patterns are anchored at the image's root, for a directory and for archives of it.
@Suite struct AnchorTests {
  let folder: TemporaryFolder

  private static let names = ["a", "tmp", "top", "b.txt", "x.bam"]

  init() throws {
    folder = try TemporaryFolder()
    let names = Self.names.joined(separator: " ")
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir top; cd top
        dirs="a tmp top a/top top/tmp top/top"; mkdir -p empty $dirs
        for d in $dirs; do
          for f in \(names); do test -e $d/$f || echo $d/$f >$d/$f; done
        done
        cd ..; find top -exec touch -d @1500000000 {} +
        tar --sort=name -cf sorted.tar top
        (cd top; tar --sort=name -cf ../dot.tar .)
        gzip -k sorted.tar
        """,
      ], in: folder.root)
  }

  /// Patterns of a few words, so that most match something, in many ways.
  private static func options(seed: UInt64) -> [String] {
    var random = SeededGenerator(seed)
    func word() -> String {
      (names + ["*", "?mp", "t*", "**", "[at]*"]).randomElement(using: &random)!
    }
    var options: [String] = []
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let words = (0..<Int.random(in: 1...3, using: &random)).map { _ in word() }
      let start = ["/", "", "", "./"].randomElement(using: &random)!
      options += [
        ["--exclude", "--exclude", "--include"].randomElement(using: &random)!,
        start + words.joined(separator: "/"),
      ]
    }
    if Int.random(in: 0..<4, using: &random) == 0 {
      options += ["--root-becomes", ["top", "a", "top/top"].randomElement(using: &random)!]
    }
    if Int.random(in: 0..<4, using: &random) == 0 { options += ["--prefix", "top/x"] }
    return options
  }

  @Test(arguments: 0..<40)
  func aDirectoryAndItsArchivesMakeTheSameImage(seed: Int) throws {
    let options = Self.options(seed: UInt64(seed))
    func pack(_ source: String) throws -> (status: Int32, image: [UInt8], told: [Substring]) {
      let result = try Tool.run(
        ["sh", "-c", "\(source) \"$@\"", "sh"] + options + ["-o", "i.squash", "-f", "-c", "none"],
        in: folder.root)
      let image = result.status == 0 ? try folder.read("i.squash") : []
      let told = result.errors.split(separator: "\n").filter { $0.contains("matches nothing") }
      return (result.status, image, told)
    }
    let autosquash = "'\(Tool.autosquash)' pack"
    let wanted = try pack("\(autosquash) top")
    for source in ["sorted.tar", "dot.tar", "sorted.tar.gz", "- <sorted.tar"] {
      let found = try pack("\(autosquash) \(source)")
      #expect(found.status == wanted.status && found.image == wanted.image, "\(source) \(options)")
    }
    // A pipe can be read only once; here the assumed top stays the only one to the end.
    let piped = try pack("cat sorted.tar.gz | \(autosquash) -")
    #expect(piped.status == wanted.status && piped.image == wanted.image, "\(options)")
  }

  /// An assumed single top may turn out not to be one when it is too late.
  @Test func aPipeWithSeveralTopsLosesNothingInSilence() throws {
    try Tool.check(
      [
        "sh", "-ec",
        "mkdir -p m/bin/usr m/usr; echo 1 >m/bin/usr/f; echo 2 >m/usr/g; cd m; tar -cf ../m.tar bin usr",
      ],
      in: folder.root)
    func list(_ source: String, _ options: String...) throws -> Tool.Result {
      try Tool.run(
        ["sh", "-c", "\(source) '\(Tool.autosquash)' pack \"$@\"", "sh", "--dry-run"] + options,
        in: folder.root)
    }
    let both =
      "- usr  (--exclude /usr)\n+ bin/\n+ bin/usr/\n+ bin/usr/f\n1 file, 2 directories; 1 left out\n"
    #expect(try list("", "m.tar", "--exclude", "/usr").text == both)
    #expect(try list("<m.tar", "-", "--exclude", "/usr").text == both)
    let piped = try list("cat m.tar |", "-", "--exclude", "/usr")
    #expect(piped.status == 1)
    #expect(
      piped.errors
        == "autosquash: usr/: lies outside bin/, which the options took for the archive's only top "
        + "directory; read it from a file, which can be read twice, or give --strip-components 0\n"
    )
    #expect(
      try list("cat m.tar |", "-", "--exclude", "/usr", "--strip-components", "0").text == both)
    // Where it does not matter, there is no question.
    #expect(try list("cat m.tar |", "-", "--exclude", "g").status == 0)
    let first = try list("cat m.tar |", "-", "--exclude", "/bin")
    #expect(first.status == 1 && first.errors.contains("lies outside bin/"))
    #expect(
      try list("", "m.tar", "--exclude", "/bin").text
        == "- bin  (--exclude /bin)\n+ usr/\n+ usr/g\n1 file, 1 directory; 1 left out\n")
  }
}

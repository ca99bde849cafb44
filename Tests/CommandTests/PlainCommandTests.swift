import TestSupport
import Testing

/// Commands without options do without the argument parser; nobody can tell.
@Suite struct PlainCommandTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p tree/dir/sub; echo text >tree/file; echo more >tree/dir/sub/x; echo b >'tree/b*c'
        ln -s file tree/link; ln -s nowhere tree/broken; printf y >"tree/$(printf '\\377\\033')"
        mkdir tree/help; : >tree/help/y; '\(Tool.autosquash)' pack tree -o i.squash -q; cp i.squash help
        head -c 300 i.squash >cut.squash; tar -cf a.tar tree; : >empty
        """,
      ], in: folder.root)
  }

  private static let operands: [[[UInt8]]] =
    [
      ["info", "i.squash"], ["info", "i.squash", "dir"], ["info", "i.squash", "*"],
      ["info", "i.squash", "nix"], ["info", "i.squash", "link"], ["info", "nix"],
      ["info", "a.tar"], ["info", "cut.squash"], ["info", "empty"], ["info", "tree"],
      ["info", "help"], ["info", "i.squash", "help"], ["info", "s3://bucket/x"],
      ["ls", "i.squash"], ["ls", "i.squash", "/"], ["ls", "i.squash", "dir", "file"],
      ["ls", "i.squash", "d*", "nix"], ["ls", "i.squash", "link", "broken"], ["ls", "nix"],
      ["ls", "a.tar"], ["ls", "cut.squash"], ["ls", "help"], ["ls", "i.squash", "help"],
      ["cat", "i.squash", "file"], ["cat", "i.squash", "dir/sub/x", "file"],
      ["cat", "i.squash", "dir"], ["cat", "i.squash", "nix", "link"],
      ["cat", "i.squash", "broken"],
      ["cat", "i.squash", "b*c"], ["cat", "a.tar", "x"],
    ].map { $0.map { Array($0.utf8) } } + [
      [Array("cat".utf8), Array("i.squash".utf8), [0xff, 0x1b]],
      [Array("info".utf8), [0xff, 0x1b]],
    ]

  @Test(arguments: operands)
  func plainFormsAnswerAsOthers(words: [[UInt8]]) throws {
    let program = [Array(Tool.autosquash.utf8)]
    let plain = try Tool.run(bytes: program + words, in: folder.root)
    let option = ["--offset", "0"].map { Array($0.utf8) }
    let other = try Tool.run(
      bytes: program + words.prefix(1) + option + words.dropFirst(), in: folder.root)
    #expect(plain.output == other.output)
    #expect(plain.errors == other.errors)
    #expect(plain.status == other.status)
    #expect(!plain.output.isEmpty || !plain.errors.isEmpty)
  }

  /// What is missing or too much is explained as for all commands.
  @Test(arguments: [
    (["info"], 64, "Missing expected argument '<image>'"),
    (["info", "i.squash", "file", "dir"], 64, "Unexpected argument 'dir'"),
    (["info", ""], 64, "an image without a name"),
    (["info", "i.squash", ""], 64, "a path without"),
    (["ls"], 64, "Missing expected argument '<image>'"),
    (["ls", ""], 64, "an image without a name"),
    (["ls", "i.squash", "file", ""], 64, "a path without a name"),
    (["cat", "i.squash"], 64, "Missing expected argument '<paths> ...'"),
    (["cat", "i.squash", ""], 64, "a path without a name"),
    (["infos", "i.squash"], 64, "did you mean info?"),
    (["ls", "i.squash", "--nix"], 64, "ls has no option '--nix'"),
  ])
  func wrongFormsAreExplained(arguments: [String], status: Int32, words: String) throws {
    let result = try Tool.run([Tool.autosquash] + arguments, in: folder.root)
    #expect(result.status == status && result.errors.contains(words), "\(result.summary)")
    #expect(result.output.isEmpty)
  }
}

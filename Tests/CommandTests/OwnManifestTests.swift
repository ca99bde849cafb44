import TestSupport
import Testing

/// The manifest next to an image: `verify --manifest` without a file, and `pack` with an old one.
@Suite struct OwnManifestTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir a b; echo 1 > a/x; echo 2 > b/x
        '\(Tool.autosquash)' pack a b --manifest -q
        cp a.squash image; cp a.mtree image.mtree; cp b.mtree 'of b'
        """,
      ], in: folder.root)
  }

  /// Arguments of `verify`, and each line up to its first colon but one.
  static let cases: [(arguments: [String], status: Int32, lines: [String])] = [
    (
      ["a.squash", "b.squash", "--manifest"], 0,
      ["a.squash: whole, and equal to a.mtree", "b.squash: whole, and equal to b.mtree"]
    ),
    (
      ["--manifest", "a.squash", "b.squash"], 0,
      ["a.squash: whole, and equal to a.mtree", "b.squash: whole, and equal to b.mtree"]
    ),
    (["--manifest", "image"], 0, ["image: whole, and equal to image.mtree"]),
    (
      ["a.squash", "--manifest", "--max-findings", "3"], 0,
      ["a.squash: whole, and equal to a.mtree"]
    ),
    (["--manifest", "--", "a.squash"], 0, ["a.squash: whole, and equal to a.mtree"]),
    (["--manifest", "of b", "b.squash"], 0, ["b.squash: whole, and equal to of b"]),
    (["b.squash", "--manifest=of b"], 0, ["b.squash: whole, and equal to of b"]),
    (
      ["a.squash", "--manifest", "of b"], 1,
      [
        "a.squash: difference: of b does not belong to this image", "a.squash: ~ x",
        "a.squash: whole, but differs from of b",
      ]
    ),
    (
      ["a.squash", "--manifest", "--against", "a"], 0,
      ["a.squash: whole, and equal to a, and equal to a.mtree"]
    ),
  ]

  /// Refused before anything is read.
  @Test func aFileIsNotCalledLikeADirectory() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", "source"], in: folder.root)
    let result = try Tool.autosquash("manifest", "source", "-o", "m/", in: folder.root)
    #expect(
      result.status == 1
        && result.errors.contains("m/: there is no directory m; make it with: mkdir -p m"),
      "\(result.summary)")
  }

  @Test func eachImageTakesItsOwn() throws {
    for test in Self.cases {
      let result = try Tool.run([Tool.autosquash, "verify"] + test.arguments, in: folder.root)
      let lines = result.text.split(separator: "\n").map {
        $0.split(separator: ": ").prefix($0.contains(": difference: ") ? 3 : 2)
          .joined(separator: ": ")
      }
      #expect(
        result.status == test.status && lines == test.lines, "\(test.arguments): \(result.summary)")
    }
  }

  @Test func oneManifestIsOfOneImage() throws {
    let result = try Tool.autosquash(
      "verify", "a.squash", "b.squash", "--manifest", "a.mtree", in: folder.root)
    #expect(
      result.status == 64
        && result.errors.contains(
          "A manifest belongs to one image; --manifest without a file takes each image's own "
            + "(NAME.mtree)."),
      "\(result.summary)")
  }

  @Test func aMissingOneIsToldWithTheCommandThatWritesIt() throws {
    try Tool.check(["mv", "b.squash", "it's.squash"], in: folder.root)
    let result = try Tool.autosquash(
      "verify", "a.squash", "it's.squash", "--manifest", in: folder.root)
    let command = "autosquash manifest $'it\\047s.squash' -o $'it\\047s.mtree'"
    #expect(result.status == 2 && result.text.contains("a.squash: whole, and equal to a.mtree: "))
    #expect(
      result.errors
        == "autosquash: it's.mtree: there is no such manifest; \"\(command)\" writes it\n",
      "\(result.summary)")
    try run(command)
    #expect(try Tool.autosquash("verify", "it's.squash", "--manifest", in: folder.root).status == 0)
  }

  /// Runs a recommended command.
  private func run(_ command: String) throws {
    try Tool.check(
      ["bash", "-c", "autosquash() { '\(Tool.autosquash)' \"$@\"; }; \(command)"], in: folder.root)
  }

  @Test func packWarnsOfTheManifestOfAnEarlierImage() throws {
    // Packing the same image again gives the same manifest.
    let same = try Tool.autosquash("pack", "a", "-f", in: folder.root)
    #expect(same.status == 0 && !same.errors.contains("warning"), "\(same.summary)")
    try Tool.check(["sh", "-c", "echo 3 > a/x"], in: folder.root)
    let command = "autosquash manifest a.squash -o a.mtree --force"
    let line =
      "autosquash: a.mtree: warning: this belongs to an earlier image; \"\(command)\" renews it\n"
    let other = try Tool.autosquash("pack", "a", "-f", in: folder.root)
    #expect(other.status == 0 && other.errors.hasSuffix(line), "\(other.summary)")
    // Even if the image itself was removed.
    try Tool.check(["rm", "a.squash"], in: folder.root)
    let again = try Tool.autosquash("pack", "a", in: folder.root)
    #expect(again.status == 0 && again.errors.hasSuffix(line), "\(again.summary)")
    try run(command)
    #expect(try Tool.autosquash("verify", "a.squash", "--manifest", in: folder.root).status == 0)
    // With its own manifest, and next to a file that is not one, there is nothing to say.
    for options in [["--manifest"], ["-q"]] {
      let result = try Tool.run([Tool.autosquash, "pack", "b", "-f"] + options, in: folder.root)
      #expect(result.status == 0 && !result.errors.contains("warning"), "\(result.summary)")
    }
    try folder.write("b.mtree", Array("#mtree\n./f type=file\n".utf8))
    let own = try Tool.autosquash("pack", "b", "-f", in: folder.root)
    #expect(own.status == 0 && !own.errors.contains("warning"), "\(own.summary)")
  }
}

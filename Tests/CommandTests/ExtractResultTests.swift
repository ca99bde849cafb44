import Foundation
import TestSupport
import Testing

/// The output of `extract` at its end, and what it leaves if there was nothing to unpack.
@Suite struct ExtractResultTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "mkdir t; echo x > t/f; mkdir t/d; '\(Tool.autosquash)' pack t -q"],
      in: folder.root)
  }

  private func extract(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash, "extract", "t.squash"] + arguments, in: folder.root)
  }

  private static let missing = "autosquash: t.squash: nope: no such file in the image\n"

  @Test func nothingIsLeftOfNothing() throws {
    for options in [["-C", "part"], ["--to-tar", "n.tar"], ["--to-tar", "n.tar.gz"]] {
      let result = try Tool.run(
        [Tool.autosquash, "extract", "t.squash", "nope"] + options, in: folder.root)
      #expect(result.status == 1 && result.errors == Self.missing, "\(result.summary)")
      #expect(!folder.exists(options[1]))
    }
    #expect(try Tool.run(["ls"], in: folder.root).text == "t\nt.squash\n")
    let some = try extract("f", "nope", "--to-tar", "n.tar")
    #expect(
      some.status == 1
        && some.errors.hasPrefix(Self.missing + "autosquash: n.tar: 1 file or directory, 2 bytes, "),
      "\(some.summary)")
    #expect(try Tool.check(["tar", "-tf", "n.tar"], in: folder.root).text == "./f\n")
  }

  @Test func theSumOfAnArchive() throws {
    let all = try extract("--to-tar", "-")
    #expect(
      all.errors.hasPrefix("autosquash: standard output: 2 files and directories, 2 bytes, "),
      "\(all.errors)")
    #expect(try extract("--to-tar", "-", "-q").errors.isEmpty)
  }

  @Test func programsLearnWhatIsMissing() throws {
    let result = try extract("f", "nope", "no", "-C", "x", "--json")
    #expect(result.status == 1)
    #expect(
      result.text.contains(#""errors": 0, "missing": 2, "skippedDevices": 0, "#), "\(result.text)")
    #expect(try extract("f", "no", "--to-tar", "x.tar", "--json").text.contains(#""missing": 1"#))
  }

  @Test(arguments: [["-C", "x"], ["--keep-going"], ["--skip-existing"]])
  func theOptionThatClashesIsNamed(options: [String]) throws {
    let result = try Tool.run(
      [Tool.autosquash, "extract", "t.squash", "--to-tar", "x.tar"] + options, in: folder.root)
    let name = options[0] == "-C" ? "--directory" : options[0]
    #expect(
      result.status == 64
        && result.errors.hasPrefix(
          "autosquash: --to-tar writes an archive; leave out \(name).\n"),
      "\(result.summary)")
  }

  /// Advice fits the command that gives it.
  @Test func whatIsNoArchiveIsAdvisedByItsCommand() throws {
    try Tool.check(
      ["sh", "-ec", "cp t/f f.gz; head -c 8192 /dev/zero | tr '\\0' x | cat - t.squash > app"],
      in: folder.root)
    let advice = "; put it into a directory: mkdir DIR && cp f.gz DIR && autosquash pack DIR"
    for (command, advice) in [
      (["pack", "f.gz"], advice), (["diff", "t.squash", "f.gz"], ""), (["manifest", "f.gz"], ""),
    ] {
      let result = try Tool.run([Tool.autosquash] + command, in: folder.root)
      #expect(
        result.status == 2
          && result.errors
            == "autosquash: f.gz: not an archive of a known kind, but a single file\(advice)\n",
        "\(result.summary)")
    }
    let found = "autosquash: app: this file contains an image, at byte 8192; "
    for (command, advice) in [
      (["diff", "app", "t"], "diff does not read images inside other files"),
      (["manifest", "app"], "--offset auto reads it"),
      (["ls", "app"], "--offset auto reads it"),
    ] {
      let result = try Tool.run([Tool.autosquash] + command, in: folder.root)
      #expect(result.status == 2 && result.errors == found + advice + "\n", "\(result.summary)")
    }
  }
}

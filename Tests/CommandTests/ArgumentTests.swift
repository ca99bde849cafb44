import Foundation
import TestSupport
import Testing

/// Arguments that do not mean what their user thinks.
@Suite struct ArgumentTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "mkdir tree; echo x > tree/f; '\(Tool.autosquash)' pack tree -q -o i.squash"],
      in: folder.root)
  }

  /// An empty argument, as an unset variable leaves one.
  @Test(arguments: [
    ("extract i.squash '' -C w", "a path"), ("extract '' -C w", "an image"),
    ("extract i.squash -C ''", "a directory"), ("extract i.squash --to-tar ''", "an archive"),
    ("ls i.squash ''", "a path"), ("ls ''", "an image"), ("cat i.squash ''", "a path"),
    ("info i.squash ''", "a path"), ("verify i.squash ''", "an image"),
    ("verify i.squash --against ''", "a source"), ("diff '' tree", "a source"),
    ("diff tree ''", "a source"), ("manifest ''", "a source"),
    ("manifest tree -o ''", "a manifest"),
  ]) func emptyNamesAreRefused(command: String, what: String) throws {
    let result = try Tool.run(["sh", "-c", "'\(Tool.autosquash)' \(command)"], in: folder.root)
    let line = "autosquash: \(what) without a name; a variable in the command may be empty.\n"
    #expect(result.status == 64 && result.errors.hasPrefix(line), "\(result.summary)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("w")))
  }

  /// Options for sources, without any source.
  @Test(arguments: [
    "--exclude=tmp", "--ownership keep", "--chmod a+r", "--mtime @1", "--dereference",
    "--ignore-zeros", "--xattrs all", "--prefix x", "--keep-setid",
  ]) func optionsOfSourcesNeedOne(words: String) throws {
    let words = words.split(separator: " ").map(String.init)
    let option = words[0].prefix { $0 != "=" }
    let manifest = try Tool.run([Tool.autosquash, "manifest", "i.squash"] + words, in: folder.root)
    let line =
      "autosquash: \(option) is for a directory or an archive, but 'i.squash' is an image.\n"
    #expect(manifest.status == 64 && manifest.errors.hasPrefix(line), "\(manifest.summary)")
    #expect(manifest.errors.contains("Usage: autosquash manifest "))
    let verify = try Tool.run([Tool.autosquash, "verify", "i.squash"] + words, in: folder.root)
    #expect(
      verify.status == 64 && verify.errors.hasPrefix("autosquash: \(option) needs --against.\n"),
      "\(verify.summary)")
  }

  @Test func aSourceTakesThem() throws {
    for command in ["manifest tree --exclude f", "verify i.squash --against tree --ownership root"]
    {
      let result = try Tool.run(
        [Tool.autosquash] + command.split(separator: " ").map(String.init), in: folder.root)
      #expect(result.status == 0, "\(result.summary)")
    }
  }
}

import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// `extract --to-tar`.
extension ExtractTests {
  /// A damaged image must not yield an archive that looks complete.
  @Test func aTarThatCouldNotBeFinishedIsCut() throws {
    var bytes = try folder.read("my-data.squash")
    let info = try Tool.autosquash("info", "my-data.squash", "big/holes", "--json", in: folder.root)
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(info.output)) as? [String: Any])
    bytes[try #require(facts["dataStart"] as? Int) + 100] ^= 0xff
    try folder.write("my-data.squash", bytes)
    let result = try Tool.run(
      [
        "sh", "-c", "'\(Tool.autosquash)' extract my-data.squash --to-tar - | tar -tf - >/dev/null",
      ],
      in: folder.root)
    #expect(result.status != 0 && result.errors.contains("Unexpected EOF"), "\(result.summary)")
    #expect(try extract("--to-tar", "file.tar").status == 1)
    #expect(!folder.exists("file.tar"))
  }

  @Test func tarHasEverythingButSockets() throws {
    let result = try extract("--to-tar", "out.tar")
    #expect(
      result.status == 0
        && result.errors.contains(
          #/^autosquash: out.tar: [\d,]+ files and directories, [\d.]+ .B, \d+\.\d s\n$/#),
      "\(result.summary)")
    try Tool.check(["mkdir", "out"], in: folder.root)
    _ = try Tool.check(
      ["tar", "--xattrs", "--xattrs-include=*", "-xpf", "out.tar", "-C", "out"], in: folder.root)
    #expect(
      try Snapshot(of: folder.path("out")).differences(from: Snapshot(of: folder.path("tree")))
        == [])
    let blocks = try Tool.check(["stat", "-c", "%b", "out/big/allhole"], in: folder.root).text
    #expect(blocks == "0\n")
    #expect(try extract("--to-tar", "out.tar").status == 1)
    // Through a pipe, and back to the same image.
    try Tool.check(
      [
        "sh", "-c",
        "'\(Tool.autosquash)' extract my-data.squash --to-tar - | '\(Tool.autosquash)' pack - "
          + "-o again.squash -q --ownership keep --block-size 16K",
      ], in: folder.root)
    #expect(try folder.read("again.squash") == folder.read("my-data.squash"))
  }

  /// libarchive escapes them, and readers do not undo it.
  @Test func oddNamesOfAttributesInATarAreTold() throws {
    try Tool.check(
      [
        "sh", "-c",
        """
        setfattr -n "$(printf 'user.\\377')" -v x tree/oneblock
        '\(Tool.autosquash)' pack tree -o odd.squash -q
        """,
      ], in: folder.root)
    let result = try Tool.autosquash("extract", "odd.squash", "--to-tar", "o.tar", in: folder.root)
    #expect(
      result.status == 0
        && result.errors.contains("warning: 1 extended attribute with an odd name"),
      "\(result.summary)")
  }

  @Test func tarGoesWhereItsNameSays() throws {
    for name in ["o.tar.gz", "o.tar.xz", "o.tar.zst", "o.tar.bz2"] {
      #expect(try extract("--to-tar", name).status == 0)
      let kind = try Tool.check(["tar", "-tf", name], in: folder.root)
      #expect(kind.text.contains("./big/numbers\n"), "\(name)")
      let magic = try folder.read(name).prefix(2)
      #expect(!magic.elementsEqual("./".utf8), "\(name)")
    }
    #expect(try extract("--to-tar", "/dev/null").status == 0)
    let full = try extract("--to-tar", "/dev/full")
    #expect(full.status == 1, "\(full.summary)")
    try Tool.check(["mkfifo", "pipe"], in: folder.root)
    try Tool.check(
      [
        "sh", "-c",
        "tar -tf pipe > list & '\(Tool.autosquash)' extract my-data.squash --to-tar pipe && wait",
      ], in: folder.root)
    #expect(String(decoding: try folder.read("list"), as: UTF8.self).contains("./a/link\n"))
    try Tool.check(["cp", "my-data.squash", "image"], in: folder.root)
    let own = try Tool.autosquash("extract", "image", "--to-tar", "image", "-f", in: folder.root)
    #expect(own.status == 1 && own.errors.contains("this is the source itself"))
  }

  @Test func tarOfParts() throws {
    try Tool.check(
      [
        "sh", "-c",
        "'\(Tool.autosquash)' extract my-data.squash --to-tar - 'a/*' | tar -tf - > list",
      ],
      in: folder.root)
    let list = String(decoding: try folder.read("list"), as: UTF8.self)
    #expect(list == "./a/b/\n./a/b/c/\n./a/hard\n./a/link\n")
  }
}

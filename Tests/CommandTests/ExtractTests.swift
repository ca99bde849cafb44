import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// `extract`, to a directory.
@Suite struct ExtractTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", ForeignImageTests.source], in: folder.root)
    try Tool.check(
      [
        Tool.autosquash, "pack", "tree", "-o", "my-data.squash", "-q", "--ownership", "keep",
        "--block-size", "16K",
      ],
      in: folder.root)
  }

  func extract(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash, "extract", "my-data.squash"] + arguments, in: folder.root)
  }

  @Test func theDirectoryHasTheImagesName() throws {
    let result = try extract()
    #expect(result.status == 0, "\(result.summary)")
    #expect(
      try Snapshot(of: folder.path("my-data")).differences(from: Snapshot(of: folder.path("tree")))
        == [])
  }

  @Test func sparseFilesStaySparse() throws {
    _ = try extract("-q")
    let blocks = try Tool.check(["stat", "-c", "%b", "my-data/big/allhole"], in: folder.root).text
    #expect(blocks == "0\n")
  }

  @Test func whatIsThereStaysWithoutForce() throws {
    try Tool.check(
      ["sh", "-c", "mkdir -p out/big && echo mine > out/big/numbers"], in: folder.root)
    let first = try extract("-C", "out")
    #expect(
      first.status == 1
        && first.errors.contains(
          "autosquash: out: 1 file exists already: big/numbers; --skip-existing keeps those with "
            + "the same size and time, --force replaces all\n"),
      "\(first.summary)")
    #expect(first.errors.contains("1 error"), "\(first.summary)")
    #expect(try folder.read("out/big/numbers") == Array("mine\n".utf8))
    #expect(try folder.read("out/big/copy") == folder.read("tree/big/numbers"))
    // All others exist now: one line gives their number.
    let again = try extract("-C", "out", "--json")
    #expect(again.status == 1 && again.text.contains("\"made\": 0, \"kept\": 0, \"bytes\": 0,"))
    #expect(
      again.errors
        == "autosquash: out: 715 files exist already: a/hard, a/link, bad\\377name, …; "
        + "--skip-existing keeps those with the same size and time, --force replaces all\n",
      "\(again.errors)")
    let second = try extract("-C", "out", "--force")
    #expect(second.status == 0, "\(second.summary)")
    var expected = try Snapshot(of: folder.path("tree"))
    var found = try Snapshot(of: folder.path("out"))
    // Directories that the user made keep their own attributes, above all the top.
    expected.entries[[]] = nil
    found.entries[[]] = nil
    #expect(found.differences(from: expected) == [])
  }

  /// Links planted or raced into the target: nothing goes through them.
  @Test(arguments: [false, true]) func linksInTheTargetAreNotFollowed(isForced: Bool) throws {
    try Tool.check(
      [
        "sh", "-c",
        "mkdir -p outside out && ln -s ../outside out/big && ln -s ../outside/file out/emptyfile "
          + "&& ln -s ../outside/fifo out/fifo",
      ], in: folder.root)
    let result = try isForced ? extract("-C", "out", "--force") : extract("-C", "out")
    #expect(result.status == (isForced ? 0 : 1), "\(result.summary)")
    #expect(try Tool.check(["ls", "-A", "outside"], in: folder.root).output.isEmpty)
    #expect(folder.exists("out/many/some-longer-name-for-file-number-1"))
    if isForced { #expect(try folder.read("out/big/numbers") == folder.read("tree/big/numbers")) }
  }

  /// Somebody who may write in the target keeps replacing directories with links to elsewhere.
  @Test func directoriesSwappedForLinksLeadNowhere() throws {
    try Tool.check(["mkdir", "-p", "outside", "out"], in: folder.root)
    let attacker = try Running(
      [
        "sh", "-c",
        "while :; do for d in big many a; do mv out/$d out/x$d && ln -s ../outside out/$d; "
          + "rm -f out/$d; mv out/x$d out/$d; done; done 2>/dev/null",
      ].map { Array($0.utf8) }, in: folder.root)
    defer {
      kill(attacker.process, SIGKILL)
      _ = attacker.wait()
    }
    for _ in 0..<15 {
      let result = try extract("-C", "out", "--force", "--json")
      #expect(!result.text.contains("\"made\": 0"), "\(result.summary)")
      let leaked = try Tool.check(["ls", "-A", "outside"], in: folder.root).text
      #expect(leaked.isEmpty, "\(leaked)")
    }
  }

  /// A default ACL takes permissions from new files below it, whatever the umask.
  @Test func modesAreTheImagesBelowADefaultACL() throws {
    // user::rwx, group::r-x, other::---, as Linux keeps it.
    let acl = "0x0200000001000700ffffffff04000500ffffffff20000000ffffffff"
    try Tool.check(["mkdir", "out"], in: folder.root)
    try Tool.check(
      ["setfattr", "-n", "system.posix_acl_default", "-v", acl, "out"], in: folder.root)
    #expect(try extract("-C", "out", "-q").status == 0)
    let find = "find . -mindepth 1 ! -type l -printf '%m %p\\n' | LC_ALL=C sort"
    #expect(
      try Tool.check(["sh", "-c", find], in: folder.path("out")).text
        == Tool.check(["sh", "-c", find], in: folder.path("tree")).text)
  }

  @Test func fullDisksAreNamedWhenATarIsWritten() throws {
    let script =
      "mkdir small; mount -t tmpfs -o size=64k none small; "
      + "'\(Tool.autosquash)' extract my-data.squash --to-tar small/x.tar"
    let result = try Tool.run(
      ["unshare", "-m", "--propagation", "private", "sh", "-c", script], in: folder.root)
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.errors.contains("small/x.tar: cannot write: No space left on device"))
  }

  @Test func namesThatAreNotThereLeaveNoDirectory() throws {
    let result = try extract("nowhere", "-C", "new")
    #expect(result.status == 1 && result.errors.contains("nowhere"), "\(result.summary)")
    #expect(!folder.exists("new"))
  }

  @Test func partsAreExtractedWithTheirParents() throws {
    let result = try extract("-C", "out", "a/link", "many/*number-5", "**/copy", "-q")
    #expect(result.status == 0, "\(result.summary)")
    let found = try Tool.check(["sh", "-c", "cd out && find . | LC_ALL=C sort"], in: folder.root)
      .text
    #expect(
      found
        == ".\n./a\n./a/link\n./big\n./big/copy\n./many\n./many/some-longer-name-for-file-number-5\n"
    )
    let missing = try extract("-C", "out2", "emptyfile", "nothing")
    #expect(missing.status == 1 && missing.errors.contains("nothing: no such file in the image"))
    #expect(folder.exists("out2/emptyfile"))
  }

  @Test func usersWithoutRightsGetFilesOfTheirOwn() throws {
    try Tool.check(["chmod", "777", folder.root])
    try Tool.check(["chmod", "644", "my-data.squash"], in: folder.root)
    let result = try Tool.run(
      [
        "setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", Tool.autosquash, "extract",
        "my-data.squash", "-C", "out",
      ],
      in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.errors.contains("2 device nodes skipped: only root"), "\(result.errors)")
    #expect(result.errors.contains("1 file lost its set-id bits"), "\(result.errors)")
    let snapshot = try Snapshot(of: folder.path("out"))
    #expect(snapshot.entries.values.allSatisfy { $0.uid == 1234 })
    #expect(snapshot.entries[Array("big/numbers".utf8)]?.mode == 0o755)
    #expect(snapshot.entries[Array("null".utf8)] == nil)
    #expect(try folder.read("out/big/random") == folder.read("tree/big/random"))
  }

  @Test func aFullDiskIsAnErrorAndLeavesNoHalfFiles() throws {
    try Tool.check(["mkdir", "small"], in: folder.root)
    try Tool.check(["mount", "-t", "tmpfs", "-o", "size=600k", "none", folder.path("small")])
    defer { _ = try? Tool.run(["umount", folder.path("small")]) }
    let result = try extract("-C", "small/out")
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.errors.contains(": small/out/") && result.errors.contains("No space left"))
    #expect(result.errors.contains("small/out: stopped after "), "\(result.errors)")
    let found = try Snapshot(of: folder.path("small/out"))
    let expected = try Snapshot(of: folder.path("tree"))
    for (path, entry) in found.entries where entry.type == S_IFREG {
      #expect(entry.hash == expected.entries[path]?.hash, "\(path.escapedName)")
    }
  }

  /// Damage in one block: the rest is saved, and the loss is reported.
  @Test func salvageTakesWhatCanBeRead() throws {
    var bytes = try folder.read("my-data.squash")
    let info = try Tool.autosquash(
      "info", "my-data.squash", "big/numbers", "--json", in: folder.root)
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(info.output)) as? [String: Any])
    let start = try #require(facts["dataStart"] as? Int)
    bytes[start + 100] ^= 0xff
    try folder.write("my-data.squash", bytes)

    let strict = try extract("-C", "strict")
    #expect(strict.status == 1 && strict.errors.contains("does not unpack"), "\(strict.summary)")
    #expect(strict.errors.contains("--keep-going unpacks the rest"), "\(strict.errors)")
    #expect(!folder.exists("strict/big/numbers"))
    let result = try extract("-C", "out", "--keep-going")
    #expect(result.status == 1, "\(result.summary)")
    #expect(
      result.errors.contains("16384 of 348894 bytes cannot be read (0-16383)"), "\(result.errors)")
    let plain = try folder.read("tree/big/numbers")
    let saved = try folder.read("out/big/copy.damaged")
    #expect(saved.count == plain.count && saved[16384...].elementsEqual(plain[16384...]))
    #expect(!folder.exists("out/big/numbers"))
    #expect(try folder.read("out/big/random") == folder.read("tree/big/random"))
  }

  /// A truncated image has lost its owners and attributes, but not its files.
  @Test func salvageDoesWithoutTheLastTables() throws {
    let info = try Tool.autosquash("info", "my-data.squash", "--json", in: folder.root)
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(info.output)) as? [String: Any])
    let bytes = try folder.read("my-data.squash")
    try folder.write("my-data.squash", Array(bytes[..<(try #require(facts["idTable"] as? Int))]))
    #expect(try extract("-C", "strict").status == 1)
    let verified = try Tool.autosquash("verify", "my-data.squash", in: folder.root)
    #expect(verified.text.contains("709 of 709 files"), "\(verified.summary)")
    let result = try extract("-C", "out", "--keep-going")
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.errors.contains("the id table cannot be read: all files belong to root"))
    let compared = try Tool.autosquash(
      "diff", "tree", "out", "--ignore", "owner,xattrs,mode", in: folder.root)
    #expect(compared.status == 0, "\(compared.summary)")
  }

  @Test func anInterruptLeavesNoTemporaryFiles() throws {
    try Tool.check(["sh", "-c", "head -c 60000000 /dev/urandom > tree/big/more"], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "my-data.squash", "-fq", "--compression", "gzip"],
      in: folder.root)
    try Tool.check(["mkdir", "out"], in: folder.root)
    for (signal, delay) in [(SIGINT, 20_000), (SIGTERM, 60_000), (SIGINT, 100_000)] {
      let running = try Running(
        [Tool.autosquash, "extract", "my-data.squash", "-C", "out", "-f"].map { Array($0.utf8) },
        in: folder.root)
      usleep(UInt32(delay))
      kill(running.process, signal)
      let result = running.wait()
      #expect([0, 128 + signal].contains(result.status), "\(result.summary)")
      let left = try Tool.check(["sh", "-c", "find out -name '.autosquash*'"], in: folder.root).text
      #expect(left.isEmpty, "\(left)")
    }
    // Killed, it leaves directories that others can enter.
    let running = try Running(
      [Tool.autosquash, "extract", "my-data.squash", "-C", "killed"].map { Array($0.utf8) },
      in: folder.root)
    while !folder.exists("killed") { usleep(1000) }
    kill(running.process, SIGKILL)
    _ = running.wait()
    #expect(try Tool.check(["stat", "-c", "%a", "killed"], in: folder.root).text == "755\n")
  }

  /// Other names of a file that could not be made lead nowhere, least of all to somebody's file.
  @Test func hardLinksLeadToNothingElse() throws {
    try Tool.check(["sh", "-c", "mkdir -p out/a && echo mine > out/a/hard"], in: folder.root)
    let result = try extract("-C", "out")
    #expect(result.status == 1, "\(result.summary)")
    #expect(
      result.errors.contains("big/numbers: hard link to a/hard, which this run did not unpack"),
      "\(result.errors)")
    #expect(!folder.exists("out/big/numbers"))
  }

  @Test func hardLinksIntoReadOnlyDirectoriesAreMade() throws {
    try Tool.check(
      [
        "sh", "-c",
        "mkdir -p ro/d && echo x > ro/d/a && ln ro/d/a ro/d/b && chmod 555 ro/d && chmod 777 .",
      ],
      in: folder.root)
    try Tool.check([Tool.autosquash, "pack", "ro", "-q"], in: folder.root)
    let result = try Tool.run(
      [
        "setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", Tool.autosquash, "extract",
        "ro.squash", "-C", "out",
      ],
      in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(
      try Tool.check(["stat", "-c", "%h %a", "out/d/b", "out/d"], in: folder.root).text
        == "2 644\n2 555\n")
  }

  @Test func aNameOfDotsUnpacksNowhere() throws {
    try Tool.check(["sh", "-c", "mkdir in && cp my-data.squash in/...squash"], in: folder.root)
    let result = try Tool.run(
      [Tool.autosquash, "extract", "...squash"], in: folder.path("in"))
    #expect(result.status == 1 && result.errors.contains("-C"), "\(result.summary)")
    #expect(!folder.exists("emptyfile"))
  }

  /// With bit 63 of a file's size set, no range of bytes and no offset may overflow.
  @Test func impossibleSizesAreErrors() throws {
    try Tool.check(
      ["sh", "-c", "rm -r tree && mkdir tree && seq 9999 > tree/f && ln tree/f tree/g"],
      in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "i.squash", "-q", "--compression", "none"],
      in: folder.root)
    let bytes = try folder.read("i.squash")
    // The size of an extended file: 48,888 as 64 bits.
    let size = withUnsafeBytes(of: UInt64(48888).littleEndian) { Array($0) }
    let place = try #require(
      bytes.indices.dropLast(8).last { bytes[$0..<$0 + 8].elementsEqual(size) })
    for value in [UInt64(1) << 63, UInt64.max, UInt64(Int64.max), 2_000_000_000_000_000_000] {
      var changed = bytes
      withUnsafeBytes(of: value.littleEndian) {
        changed.replaceSubrange(place..<place + 8, with: $0)
      }
      try folder.write("huge.squash", changed)
      for arguments in [
        ["extract", "huge.squash", "-C", "x", "-f"], ["ls", "-lh", "huge.squash"],
        ["extract", "huge.squash", "-C", "y", "--keep-going", "-f"], ["verify", "huge.squash"],
        ["extract", "huge.squash", "--to-tar", "z.tar", "-f"], ["cat", "huge.squash", "f"],
        ["manifest", "huge.squash"], ["info", "huge.squash"],
      ] {
        let (result, _) = try Tool.measure([Tool.autosquash] + arguments, in: folder.root)
        #expect(result.status < 3, "\(arguments): \(result.summary.suffix(300))")
      }
    }
  }
}

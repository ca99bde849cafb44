import Foundation
import TestSupport
import Testing

/// `ls`, `cat` and `info`.
@Suite struct LookTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", ForeignImageTests.source], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "i.squash", "-q", "--ownership", "keep"],
      in: folder.root)
  }

  private func autosquash(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash] + arguments, in: folder.root, environment: ["TZ": "UTC"])
  }

  /// What ls(1) prints, without its totals and with one space between columns.
  private func lines(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("total ") }
      .map { $0.split(separator: " ").joined(separator: " ") }
  }

  @Test(arguments: [
    ["-l"], ["-la"], ["-lh"], ["-lR"], ["-R"], ["-a"], ["-ld"], ["-l", "--full-time"], [],
    ["-1"], ["-lt"], ["-lS"], ["-ltr"], ["-lSr"], ["-r"], ["-Rr"], ["-lRt"], ["-lRSr"], ["-ltS"],
  ])
  func listsAsLsDoes(options: [String]) throws {
    try withMount(of: folder.path("i.squash")) { mounted in
      // ls without a terminal escapes unprintable names differently.
      let expected = try Tool.run(
        [
          "env", "TZ=UTC", "LC_ALL=C.UTF-8", "ls", "-n", "--escape", "--time-style=long-iso",
        ].filter { options.contains(where: { $0.contains("l") }) || $0 != "-n" } + options,
        in: mounted)
      var ours = try autosquash("ls", "i.squash")
      ours = try Tool.run(
        [Tool.autosquash, "ls"] + options + [folder.path("i.squash")], environment: ["TZ": "UTC"])
      #expect(ours.status == 0, "\(ours.summary)")
      var wanted = lines(expected.text).filter {
        !$0.hasSuffix(" .") && !$0.hasSuffix(" ..") && $0 != "." && $0 != ".."
          || options.contains("-ld")
      }
      // ls escapes spaces too; there are none here.
      .filter { !$0.isEmpty }
      if options.contains("--full-time") {
        wanted = wanted.map { $0.replacingOccurrences(of: ".000000000", with: "") }
      }
      #expect(
        lines(ours.text).filter { !$0.isEmpty }
          == wanted.map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 })
    }
  }

  @Test func patternsAndPathsAreTold() throws {
    #expect(
      try autosquash("ls", "i.squash", "b*/n*", "emptyfile").text == "big/numbers\nemptyfile\n")
    #expect(try autosquash("ls", "i.squash", "**/copy").text == "big/copy\n")
    #expect(try autosquash("ls", "i.squash", "/a/").text == "b\nhard\nlink\n")
    #expect(try autosquash("ls", "-d", "i.squash", "a/../big/.").text == "a/../big/.\n")
    #expect(try autosquash("ls", "i.squash", "a/link").text == "a/link\n")
    let missing = try autosquash("ls", "i.squash", "big/nothing", "emptyfile")
    #expect(missing.status == 1 && missing.text == "emptyfile\n")
    #expect(missing.errors == "autosquash: i.squash: big/nothing: no such file in the image\n")
    #expect(try autosquash("ls", "-d", "i.squash", "*/").text == "a\nbig\nempty\nmany\n")
    let nothing = try autosquash("ls", "i.squash", "*ber-70?")
    #expect(nothing.status == 1 && nothing.errors.contains("**/*ber-70? looks everywhere"))
    let through = try autosquash("ls", "i.squash", "emptyfile/x")
    #expect(through.errors.contains("part of this path is not a directory"))
    #expect(try autosquash("ls", "i.squash", "dangling").text == "dangling\n")
  }

  /// Python reads names that are not UTF-8 back as the bytes they are.
  @Test func jsonHasWhatProgramsNeed() throws {
    let check = #"""
      import json, os, sys
      rows = {os.fsencode(row["path"]): row for row in json.load(sys.stdin)}
      found = {os.path.relpath(os.path.join(top, name), b"tree")
               for top, folders, files in os.walk(b"tree") for name in folders + files}
      assert set(rows) == found, set(rows) ^ found
      file = rows[b"big/random"]
      assert (file["size"], file["uid"], file["mode"], file["type"]) == (300000, 1000, "0644", "file")
      assert rows[b"loop"]["device"] == "7,300" and rows[b"loop"]["type"] == "block"
      assert rows[b"dangling"]["target"] == "nowhere"
      assert rows[b"a/hard"]["inode"] == rows[b"big/numbers"]["inode"]
      """#
    try folder.write("check.py", Array(check.utf8))
    try Tool.check(
      ["sh", "-c", "'\(Tool.autosquash)' ls --json -R i.squash | python3 check.py"],
      in: folder.root)
  }

  @Test func slashesAndLinksMeanWhatTheyMeanToLinux() throws {
    #expect(try autosquash("ls", "i.squash", "emptyfile/").status == 1)
    #expect(try autosquash("cat", "i.squash", "emptyfile/.").status == 1)
    #expect(try autosquash("ls", "-d", "i.squash", "a/").text == "a/\n")
    #expect(try autosquash("ls", "i.squash", "b**bers").text == "big/numbers\n")
    // A directory named twice is listed twice.
    #expect(try autosquash("ls", "-R", "i.squash", "a", "a/b").status == 0)
  }

  @Test func catPrintsWhatIsNamed() throws {
    let both = try autosquash("cat", "i.squash", "big/numbers", "many/*number-1")
    #expect(both.status == 0)
    #expect(try both.output == folder.read("tree/big/numbers") + Array("file 1\n".utf8))
    #expect(try autosquash("cat", "i.squash", "big/allhole").output.count == 3 << 20)
    let directory = try autosquash(
      "cat", "i.squash", "big", "emptyfile", "many/some-longer-name-for-file-number-7")
    #expect(directory.status == 1 && directory.text == "file 7\n")
    #expect(directory.errors == "autosquash: i.squash: big: is a directory\n")
  }

  @Test(arguments: [
    (
      "-comp xz -Xbcj x86,arm", "xz, dictionary 131 kB, x86, arm", "\"filters\": [\"x86\", \"arm\"]"
    ),
    ("-comp lzo -Xalgorithm lzo1x_1", "lzo, lzo1x_1", "\"algorithm\": \"lzo1x_1\""),
    (
      "-comp gzip -Xwindow-size 10 -Xstrategy fixed,filtered",
      "gzip, level 9, window 10, filtered, fixed", "\"strategies\": [\"filtered\", \"fixed\"]"
    ),
    ("-comp lz4 -Xhc", "lz4, high compression", "\"highCompression\": true"),
    ("-comp zstd -Xcompression-level 3", "zstd, level 3", "\"compressorOptions\": {\"level\": 3}"),
    ("-comp zstd", "zstd\n", "\"compressorOptions\": {}"),
  ])
  func infoTellsTheCompressorsOptions(options: String, text: String, json: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-c", "mkdir t; mksquashfs t i.squash \(options) -quiet -no-progress"],
      in: folder.root)
    let told = try Tool.autosquash("info", "i.squash", in: folder.root)
    #expect(told.text.contains(" \(text)"), "\(told.summary)")
    let object = try Tool.autosquash("info", "i.squash", "--json", in: folder.root)
    #expect(object.text.contains(json), "\(object.summary)")
  }

  @Test func infoTellsOfImageAndFile() throws {
    let image = try autosquash("info", "i.squash", "--json")
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(image.output)) as? [String: Any])
    #expect(facts["compressor"] as? String == "xz" && facts["files"] as? Int == 709)
    #expect(facts["duplicateFiles"] as? Int == 1 && facts["symlinks"] as? Int == 2)
    let listed = try Tool.check(["unsquashfs", "-stat", folder.path("i.squash")]).text
    #expect(listed.contains("Number of inodes \(facts["inodes"] as! Int)\n"))
    #expect(listed.contains("Number of fragments \(facts["fragments"] as! Int)\n"))
    let all = try autosquash("info", "i.squash", "big/*", "--json").text.split(separator: "\n")
    #expect(all.count == 5 && all[4].contains("\"attributes\": [{\"name\": \"user.long\""))
    let file = try autosquash("info", "i.squash", "big/random").text
    for text in ["300 kB (300,000 bytes)", "2, 2 not compressed", "user.long=1x2x", "1000"] {
      #expect(file.contains(text), "\(file)")
    }
  }
}

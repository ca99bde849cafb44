import Foundation
import Glibc
import TestSupport
import Testing

/// A directory with a few files, and common uses of it.
@Suite struct PackCommandTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-c", "mkdir -p my-dir/sub && echo one > my-dir/a && echo two > my-dir/sub/b"],
      in: folder.root)
    try Tool.check(
      ["sh", "-c", "tar -czf my-tarball.tar.gz my-dir && cp my-tarball.tar.gz v1.2.tgz"],
      in: folder.root)
  }

  private func autosquash(_ arguments: String..., input: [UInt8] = []) throws -> Tool.Result {
    try Tool.run([Tool.autosquash] + arguments, in: folder.root, input: input)
  }

  @Test(arguments: [
    ("my-tarball.tar.gz", "my-tarball.squash"), ("my-dir/", "my-dir.squash"),
    ("my-dir", "my-dir.squash"), ("v1.2.tgz", "v1.2.squash"),
  ])
  func theImageIsNamedAfterItsSource(source: String, image: String) throws {
    let result = try autosquash("pack", source)
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.output.isEmpty)
    #expect(
      result.errors.hasPrefix("autosquash: \(image): 4 files and directories, 8 bytes in 4.10 kB"))
    #expect(try Listing(of: folder.path(image)).paths == ["a", "sub", "sub/b"])
  }

  @Test func theImageOfTheCurrentDirectoryIsNotInItself() throws {
    let inside = folder.path("my-dir")
    for _ in 0..<2 {
      let result = try Tool.run([Tool.autosquash, "pack", ".", "-f"], in: inside)
      #expect(result.status == 0, "\(result.summary)")
      #expect(try Listing(of: inside + "/my-dir.squash").paths == ["a", "sub", "sub/b"])
    }
  }

  @Test func standardInputNeedsAName() throws {
    let archive = try folder.read("my-tarball.tar.gz")
    #expect(try autosquash("pack", "-", input: archive).status == 64)
    let result = try autosquash("pack", "-", "-o", "in.squash", input: archive)
    #expect(result.status == 0, "\(result.summary)")
    _ = try autosquash("pack", "my-tarball.tar.gz")
    #expect(try folder.read("in.squash") == folder.read("my-tarball.squash"))
  }

  @Test func pipesAreReadInOnePass() throws {
    try Tool.check(["sh", "-c", "zcat my-tarball.tar.gz > plain.tar"], in: folder.root)
    try Tool.check([Tool.autosquash, "pack", "plain.tar"], in: folder.root)
    for command in ["cat plain.tar", "cat my-tarball.tar.gz", "xz -c plain.tar"] {
      let result = try Tool.run(
        ["sh", "-c", "\(command) | '\(Tool.autosquash)' pack - -f -o piped.squash"], in: folder.root
      )
      #expect(result.status == 0, "\(result.summary)")
      #expect(try folder.read("piped.squash") == folder.read("plain.squash"))
    }
    // A zip archive has its modes at its end, which comes too late in a pipe.
    try Tool.check(["bsdtar", "--format", "zip", "-cf", "in.zip", "my-dir"], in: folder.root)
    let zip = try Tool.run(
      ["sh", "-c", "cat in.zip | '\(Tool.autosquash)' pack - -f -o zip.squash"], in: folder.root)
    #expect(zip.status == 1 && zip.errors.contains("cannot be read as a stream"))
  }

  /// The user may want any of a file's several names.
  @Test(arguments: [["--include", "sub"], ["--root-becomes", "sub"], ["--exclude", "/a"]])
  func hardLinksSurviveSelection(options: [String]) throws {
    try Tool.check(["ln", "my-dir/a", "my-dir/sub/a"], in: folder.root)
    let result = try Tool.run([Tool.autosquash, "pack", "my-dir"] + options, in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    let path = options[0] == "--root-becomes" ? "a" : "sub/a"
    #expect(try content(of: path, in: folder.path("my-dir.squash")) == bytes("one\n"))
  }

  @Test func linksToDirectoriesAreFollowedOnTheCommandLine() throws {
    try Tool.check(["ln", "-s", "my-dir", "link"], in: folder.root)
    let result = try autosquash("pack", "link", "--progress", "always")
    #expect(result.status == 0, "\(result.summary)")
    #expect(try Listing(of: folder.path("link.squash")).paths == ["a", "sub", "sub/b"])
  }

  @Test func onlyFilesAndLinksAreReplaced() throws {
    try Tool.check(["mkfifo", "pipe"], in: folder.root)
    let result = try autosquash("pack", "my-dir", "-f", "-o", "pipe")
    #expect(result.status == 1)
    #expect(
      result.errors == "autosquash: pipe: is a pipe, not a file; -o - >pipe writes to it\n")
    try Tool.check(["mkdir", "my-dir.squash"], in: folder.root)
    let directory = try autosquash("pack", "my-dir", "-f")
    #expect(directory.status == 1)
    #expect(
      directory.errors
        == "autosquash: my-dir.squash: is a directory; move it away, or choose another name\n")
  }

  @Test func anExistingImageIsKeptUnlessForced() throws {
    try folder.write("my-dir.squash", bytes("precious"))
    let refused = try autosquash("pack", "my-dir")
    #expect(refused.status == 1)
    #expect(
      refused.errors
        == "autosquash: my-dir.squash: exists already; --force replaces it\n")
    #expect(try folder.read("my-dir.squash") == bytes("precious"))
    #expect(try autosquash("pack", "my-dir", "--force").status == 0)
    #expect(try folder.read("my-dir.squash").starts(with: bytes("hsqs")))
  }

  /// Not even --force lets a result replace its own source, or another result.
  @Test func nothingReplacesItsSource() throws {
    let source = try folder.read("my-tarball.tar.gz")
    try folder.write("plain", source)
    try folder.write("spec.mtree", bytes("#mtree\n. type=dir mode=0755 uid=0 gid=0 time=0.0\n"))
    let specification = try folder.read("spec.mtree")
    for arguments in [
      ["plain", "-o", "plain"], ["spec.mtree", "--manifest"],
    ] {
      let result = try Tool.run(
        [Tool.autosquash, "pack", "--force"] + arguments, in: folder.root)
      #expect(
        result.status == 1 && result.errors.contains("this is the source itself"),
        "\(result.summary)")
    }
    #expect(try folder.read("plain") == source)
    #expect(try folder.read("spec.mtree") == specification)
    try Tool.check(["cp", "-r", "my-dir", "my-tarball"], in: folder.root)
    let both = try autosquash("pack", "my-tarball", "my-tarball.tar.gz", "--force")
    #expect(
      both.status == 1 && both.errors.contains("would both become this image"), "\(both.summary)")
    #expect(!folder.exists("my-tarball.squash"))
    #expect(try autosquash("pack", "my-dir").status == 0)
    let image = try autosquash("pack", "my-dir.squash", "-o", "x.squash")
    #expect(image.status == 1 && image.errors.contains("this is already an image"))
  }

  @Test func aFailedReplacementLeavesTheOldImage() throws {
    try folder.write("out.squash", bytes("precious"))
    try folder.write("broken.tar.gz", try folder.read("my-tarball.tar.gz").dropLast(9).map { $0 })
    #expect(try autosquash("pack", "broken.tar.gz", "-f", "-o", "out.squash").status == 1)
    #expect(try folder.read("out.squash") == bytes("precious"))
  }

  @Test func severalSourcesMakeSeveralImages() throws {
    let result = try autosquash("pack", "my-dir", "missing.tar", "v1.2.tgz")
    #expect(result.status == 1)
    #expect(
      result.errors.contains("autosquash: missing.tar: cannot open: No such file or directory"))
    #expect(folder.exists("my-dir.squash") && folder.exists("v1.2.squash"))
    #expect(
      result.errors.hasSuffix("autosquash: 2 of 3 images made; not made: missing.tar\n"),
      "\(result.summary)")
    let again = try autosquash("pack", "-f", "my-dir", "v1.2.tgz")
    #expect(again.status == 0 && again.errors.hasSuffix("autosquash: 2 of 2 images made\n"))
    #expect(try autosquash("pack", "missing.tar").status == 2)
    #expect(try autosquash("pack").status == 64)
  }

  @Test func resultsAreJSONWhenAsked() throws {
    let result = try autosquash("pack", "my-dir", "--json")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
    #expect(object["image"] as? String == "my-dir.squash")
    #expect(object["inodes"] as? Int == 4)
    #expect(object["bytes"] as? Int == 8)
    #expect(object["imageBytes"] as? Int == 4096)
  }

  @Test func quietIsQuietAndProgressIsShownWhenAsked() throws {
    #expect(try autosquash("pack", "my-dir", "-q").errors.isEmpty)
    let shown = try autosquash("pack", "my-tarball.tar.gz", "--progress", "always").errors
    #expect(shown.contains("my-tarball.squash: [=") && shown.contains("/s"))
  }

  @Test func timesComeFromTheSourceOrTheEnvironment() throws {
    try Tool.check(
      ["sh", "-c", "touch -d @1500000000 my-dir/a my-dir/sub/b my-dir/sub my-dir"], in: folder.root)
    _ = try autosquash("pack", "my-dir", "-o", "one.squash")
    #expect(
      try folder.read("one.squash")[8..<12].reversed().reduce(0) { $0 << 8 | Int($1) }
        == 1_500_000_000)
    let result = try Tool.run(
      [Tool.autosquash, "pack", "my-dir", "-o", "two.squash"], in: folder.root,
      environment: ["SOURCE_DATE_EPOCH": "1234567890"])
    #expect(result.status == 0)
    #expect(
      try folder.read("two.squash")[8..<12].reversed().reduce(0) { $0 << 8 | Int($1) }
        == 1_234_567_890)
  }

  /// Names on the command line are bytes too.
  @Test func sourcesAndImagesMayHaveAnyName() throws {
    let name: [UInt8] = bytes("odd\n") + [0xff, 0xc3] + bytes(".tar")
    let full = bytes(folder.root + "/") + name
    #expect(
      try Tool.run(bytes: [bytes("cp"), bytes("my-tarball.tar.gz"), full], in: folder.root).status
        == 0)
    let result = try Tool.run(
      bytes: [bytes(Tool.autosquash), bytes("pack"), name], in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.errors.hasPrefix("autosquash: odd\\n\\377\\303.squash: 4 files and directories"))
    let snapshot = try Snapshot(of: folder.root)
    #expect(snapshot.entries[bytes("odd\n") + [0xff, 0xc3] + bytes(".squash")] != nil)
    let json = try Tool.run(
      bytes: [bytes(Tool.autosquash), bytes("pack"), name, bytes("-f"), bytes("--json")],
      in: folder.root)
    #expect(json.text.contains(#""image": "odd\n\udcff\udcc3.squash""#))
  }

  @Test func unreadableFilesAreErrorsUnlessIgnored() throws {
    try Tool.check(
      [
        "sh", "-c",
        "echo secret > my-dir/secret && chmod 0 my-dir/secret && mkdir out && chmod 777 out . ",
      ], in: folder.root)
    let command =
      geteuid() == 0 ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : []
    let pack = command + [Tool.autosquash, "pack", "my-dir", "-o", "out/x.squash"]
    let refused = try Tool.run(pack, in: folder.root)
    #expect(refused.status == 2)
    #expect(
      refused.errors.contains(
        "my-dir/secret: cannot open: Permission denied; leave such files out with --ignore-unreadable"
      ))
    #expect(!folder.exists("out/x.squash"))
    let ignored = try Tool.run(pack + ["--ignore-unreadable"], in: folder.root)
    #expect(ignored.status == 1)
    #expect(ignored.errors.contains("1 file could not be read and is not in the image"))
    #expect(try Listing(of: folder.path("out/x.squash")).paths == ["a", "sub", "sub/b"])
    // Excluded files need not be readable.
    let excluded = try Tool.run(pack + ["--exclude", "secret", "-f"], in: folder.root)
    #expect(excluded.status == 0, "\(excluded.summary)")
  }

  @Test(arguments: ["v7", "ustar", "pax", "gnutar", "cpio", "newc", "bin", "zip", "7zip", "shar"])
  func otherFormatsGiveTheSameFiles(format: String) throws {
    try Tool.check(
      ["bsdtar", "--format", format, "-cf", "in.\(format)", "my-dir"], in: folder.root)
    let result = try autosquash("pack", "in.\(format)", "-o", "out.squash")
    if format == "shar" {  // a shell script is nothing to run here
      #expect(result.status == 2 && result.errors.contains("a script, not an archive"))
      return
    }
    #expect(result.status == 0, "\(result.summary)")
    #expect(try Listing(of: folder.path("out.squash")).paths == ["a", "sub", "sub/b"])
    #expect(try content(of: "sub/b", in: folder.path("out.squash")) == bytes("two\n"))
  }

  @Test func hardLinksInCpioShareTheirContent() throws {
    try Tool.check(
      [
        "sh", "-c",
        "cd my-dir && ln a linked && ln -s a soft && find . | LC_ALL=C sort | cpio -o -H newc --quiet > ../in.cpio",
      ],
      in: folder.root)
    #expect(try autosquash("pack", "in.cpio").status == 0)
    let image = folder.path("in.squash")
    #expect(try content(of: "a", in: image) == bytes("one\n"))
    #expect(try content(of: "linked", in: image) == bytes("one\n"))
    #expect(try Listing(of: image)["soft"]?.target == "a")
  }

  @Test func aclsAreCountedAndStrictRefusesThem() throws {
    var tar = TarBuilder()
    tar.addPax([
      ("SCHILY.acl.access", bytes("user::rw-\nuser:lp:r--:7\ngroup::r--\nmask::r--\nother::r--\n")),
      ("SCHILY.xattr.user.kept", bytes("v")), ("RHT.security.selinux", bytes("label")),
    ])
    tar.add("f", bytes("x"))
    let packed = try Packed(tar.finished())
    #expect(packed.result.status == 0)
    #expect(packed.result.errors.contains("1 extended attribute left out"))
    #expect(try Packed(tar.finished(), ["--strict"]).failed("f: it has attributes"))
  }

  @Test func helpAndUsageAreThere() throws {
    let help = try autosquash("pack", "--help")
    #expect(help.status == 0)
    for option in ["--output", "--compression", "--exclude", "--ownership", "--dry-run", "--json"] {
      #expect(help.text.contains(option))
    }
    #expect(try autosquash("pack", "--no-such-option", "x").status == 64)
  }

  @Test func mistakenCommandsAreNamed() throws {
    let result = try Tool.autosquash("pakc", "tree")
    #expect(
      result.status == 64 && result.errors.contains("did you mean pack?"), "\(result.summary)")
    let other = try Tool.autosquash("something-else")
    #expect(other.status == 64 && other.errors.contains("no command 'something-else'"))
  }

  @Test func optionsThatLeaveNothingAreMistaken() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", "tree"], in: folder.root)
    try folder.write("tree/file", [1])
    for options in [["--root-becomes", "nope"], ["--include", "*.cram"], ["--exclude", "*"]] {
      let result = try Tool.run(
        [Tool.autosquash, "pack", "tree"] + options, in: folder.root)
      #expect(result.status == 1, "\(options): \(result.summary)")
      #expect(result.errors.contains("these options exclude everything"))
      #expect(!folder.exists("tree.squash"))
    }
  }

  @Test(arguments: ["--dry-run", "--json -o out.squash"])
  func resultsThatCannotBeWrittenAreErrors(options: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", "mkdir tree; touch tree/a"], in: folder.root)
    let result = try Tool.run(
      ["sh", "-c", "'\(Tool.autosquash)' pack tree \(options) > /dev/full"], in: folder.root)
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.errors.contains("cannot write to standard output: No space left on device"))
  }

  /// 7-Zip takes the directory table's end from the fragment table's position.
  @Test func imagesWithoutFragmentsOpenIn7Zip() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-c", "mkdir tree; head -c 131072 /dev/urandom > tree/full; : > tree/empty"],
      in: folder.root)
    try Tool.check([Tool.autosquash, "pack", "tree", "-q"], in: folder.root)
    #expect(try Tool.run(["7z", "t", "tree.squash"], in: folder.root).status == 0)
    #expect(try Tool.autosquash("verify", "tree.squash", in: folder.root).status == 0)
  }

  /// An unwritable manifest is reported before the image is written.
  @Test func aManifestThatCannotBeLeavesTheOldImage() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", "mkdir tree tree.mtree; echo old > tree.squash"], in: folder.root)
    let result = try Tool.autosquash("pack", "tree", "-f", "--manifest", in: folder.root)
    #expect(result.status == 1 && result.errors.contains("tree.mtree: is a directory"))
    #expect(try folder.read("tree.squash") == Array("old\n".utf8))
  }

  @Test func imagesThatAreThereCanBeKept() throws {
    let folder = try TemporaryFolder()
    for tree in ["a", "b"] {
      try Tool.check(["mkdir", tree], in: folder.root)
      try folder.write("\(tree)/file", [1])
    }
    try Tool.check([Tool.autosquash, "pack", "a", "-q"], in: folder.root)
    let image = try folder.read("a.squash")
    let result = try Tool.autosquash("pack", "a", "b", "--skip-existing", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.errors.hasPrefix("autosquash: a.squash: exists already; skipped\n"))
    #expect(try folder.read("a.squash") == image && folder.exists("b.squash"))
  }

  /// A stopped run, or another program, can leave anything under the image's name.
  @Test(arguments: [
    (": >a.squash", "the file is empty, not a SquashFS image", true),
    ("head -c 2000 whole >a.squash", "the file is 1,735 bytes short", true),
    ("head -c 50 whole >a.squash", "not a SquashFS image: only 50 bytes long", true),
    ("echo '<html>' | cat - whole >a.squash", "this file contains an image, at byte 7", true),
    (
      "echo '<html>' >a.squash; head -c 200 /dev/zero >>a.squash",
      "a web page, not a SquashFS image", true
    ),
    ("mkdir a.squash", "a directory", false),
    ("mkfifo a.squash", "not a regular file", false),
    ("ln -s missing a.squash", "No such file or directory", true),
  ])
  func whatIsNoWholeImageIsNotKept(make: String, reason: String, isReplaced: Bool) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir a b; head -c 3500 /dev/urandom >a/f; '\(Tool.autosquash)' pack a -o whole -q
        \(make)
        """,
      ], in: folder.root)
    let result = try Tool.autosquash("pack", "a", "b", "--skip-existing", in: folder.root)
    let advice = isReplaced ? "--force replaces it" : "remove it or give another name"
    #expect(result.status == 1)
    #expect(
      result.errors.hasPrefix(
        "autosquash: a.squash: exists, but is not a complete image (\(reason)); \(advice)\n"),
      "\(result.summary)")
    // The others are made.
    #expect(folder.exists("b.squash"))
    guard isReplaced else { return }
    let forced = try Tool.autosquash("pack", "a", "--force", in: folder.root)
    #expect(forced.status == 0, "\(forced.summary)")
  }
}

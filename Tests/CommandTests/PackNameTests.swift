import Foundation
import TestSupport
import Testing

/// Names given to pack: of files that are no sources, and of impossible images.
@Suite struct PackNameTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        for d in small other; do mkdir $d; echo $d >$d/x; done; echo x >file
        mkdir out; tar -czf base.tar.gz other
        """,
      ], in: folder.root)
  }

  private func pack(_ line: String) throws -> Tool.Result {
    let words = line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
    return try Tool.run([Tool.autosquash, "pack"] + words, in: folder.root)
  }

  private func files() throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: folder.root))
  }

  /// A source changed since then is reported.
  @Test func newerSourcesAreNamed() throws {
    try Tool.check(
      ["sh", "-ec", "'\(Tool.autosquash)' pack small -q; touch -d '+1 hour' small"],
      in: folder.root)
    let result = try pack("small --skip-existing")
    #expect(result.status == 0)
    #expect(
      result.errors
        == "autosquash: small.squash: exists already; skipped, though small is newer; "
        + "--force packs it again\n")
  }

  /// It must not make a directory "s3:".
  @Test(arguments: [
    (
      "extract out/x.squash -C s3://b/x",
      "s3://b/x: not a path on this machine; write to a file, and send it with autosquash upload"
    ),
    (
      "extract out/x.squash --to-tar s3://b/x.tar",
      "s3://b/x.tar: not a path on this machine; write to a file, and send it with autosquash upload"
    ),
    (
      "manifest small -o s3://b/x",
      "s3://b/x: not a path on this machine; write to a file, and send it with autosquash upload"
    ),
    ("ls s3://b/x", "s3://b/x: no bucket can have this name"),
    ("verify s3://b/x", "s3://b/x: no bucket can have this name"),
  ])
  func bucketsAreElsewhere(line: String, message: String) throws {
    _ = try pack("small -o out/x.squash -q")
    let result = try Tool.run(
      [Tool.autosquash] + line.split(separator: " ").map(String.init), in: folder.root)
    #expect(result.status != 0 && result.errors == "autosquash: \(message)\n", "\(result.summary)")
    #expect(try !files().contains("s3:"))
  }

  /// mksquashfs takes the image's name after the sources.
  @Test(arguments: [
    (
      "small my.sqfs",
      "my.sqfs: does not exist; to name the image: autosquash pack small -o my.sqfs"
    ),
    (
      "small other my.img --dry-run",
      "my.img: does not exist; to name the image: autosquash pack small other -o my.img"
    ),
    // tar takes it after -f.
    (
      "-f my.sqfs small",
      "my.sqfs: does not exist; to name the image: autosquash pack small -o my.sqfs"
    ),
    (
      "small --manifest old.mtree",
      "old.mtree: --manifest takes no name here: it writes NAME.mtree beside the image NAME.squash; "
        + "a specification to pack comes before the options"
    ),
    ("small my.squashfs -o x", "my.squashfs: does not exist; -o already names the image"),
    ("small missing -o x.squash", "missing: cannot open: No such file or directory"),
    ("small missing/x", "missing/x: cannot open: No such file or directory"),
    ("small '' -o x.squash", "a source without a name; a variable in the command may be empty"),
    (
      "s3://b/my-data.tar.gz",
      "s3://b/my-data.tar.gz: no bucket can have this name"
    ),
    (
      "s3://b/data/",
      "s3://b/data/: a folder of a bucket; -o before it packs into it, and its files are packed from "
        + "this machine; "
        + "aws s3 sync s3://b/data/ DIR && autosquash pack DIR"
    ),
  ])
  func sourcesAreLookedAtFirst(line: String, message: String) throws {
    let before = try files()
    let result = try pack(line)
    let isOne = line != "small missing/x"
    #expect(result.status == (isOne ? 2 : 1) && result.output.isEmpty)
    #expect(result.errors.hasPrefix("autosquash: \(message)\n"), "\(result.summary)")
    #expect(!isOne || result.errors == "autosquash: \(message)\n")
    #expect(try files() == (isOne ? before : before.union(["small.squash"])))
  }

  /// All missing sources are reported before anything is packed.
  @Test func missingOnesAreToldTogether() throws {
    let result = try pack("small no other nothing")
    let lines = result.errors.split(separator: "\n")
    #expect(result.status == 1)
    #expect(
      lines.prefix(2) == [
        "autosquash: no: cannot open: No such file or directory",
        "autosquash: nothing: cannot open: No such file or directory",
      ], "\(result.summary)")
    #expect(lines.last == "autosquash: 2 of 4 images made; not made: no, nothing")
    let one = try pack("small no other nothing -o x.squash")
    #expect(one.status == 2 && !folder.exists("x.squash"))
    #expect(one.errors.split(separator: "\n") == Array(lines.prefix(2)))
  }

  @Test func theSecondTimeTheImageIsThere() throws {
    #expect(try pack("small -o my.sqfs").status == 0)
    let result = try pack("small my.sqfs")
    #expect(result.status == 2 && !folder.exists("small.squash"))
    #expect(
      result.errors == "autosquash: my.sqfs: is an image, not a source; to replace it: "
        + "autosquash pack small -o my.sqfs --force\n")
  }

  /// As with cp(1): into the directory, under a name of its own.
  @Test(arguments: ["out", "out/", "./out"])
  func directoriesGetImages(directory: String) throws {
    let result = try pack("small -o \(directory)")
    #expect(result.status == 0, "\(result.summary)")
    let shown = directory == "out/" ? "out/" : directory + "/"
    #expect(result.errors.hasPrefix("autosquash: \(shown)small.squash: "), "\(result.summary)")
    #expect(try Listing(of: folder.path("out/small.squash")).paths == ["x"])
    let several = try pack("small base.tar.gz --prefix p other -o \(directory) --skip-existing")
    #expect(several.status == 0, "\(several.summary)")
    #expect(several.errors.contains("small.squash: exists already; skipped\n"))
    #expect(several.errors.hasSuffix("autosquash: 2 of 2 images made\n"), "\(several.summary)")
    #expect(try Listing(of: folder.path("out/base.squash")).paths == ["x"])
    #expect(try Listing(of: folder.path("out/other.squash")).paths == ["p", "p/x"])
    #expect(try files() == ["small", "other", "out", "base.tar.gz", "file"])
  }

  @Test(arguments: [
    ("small -o no/x.squash", "no/x.squash: there is no directory no; make it with: mkdir -p no"),
    ("small -o no/", "no/small.squash: there is no directory no; make it with: mkdir -p no"),
    ("small -o small", "small: this is the source itself; give the result another name"),
    ("small -o file/x.squash", "file/x.squash: file is not a directory"),
    (
      "small -o /dev/null",
      "/dev/null: is a device, not a file; -o - >/dev/null writes to it"
    ),
    (
      "small -f -o /dev/null",
      "/dev/null: is a device, not a file; -o - >/dev/null writes to it"
    ),
  ])
  func imagesThatCannotBe(line: String, message: String) throws {
    let result = try pack(line)
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(result.errors == "autosquash: \(message)\n")
  }

  @Test(arguments: [
    ("small -o ''", "--output has no name; a variable in the command may be empty."),
    (
      "small -o s3://b/x.squash",
      "'s3://b/x.squash': no bucket can have this name."
    ),
    (
      "small -o s3://bucket/folder",
      "'s3://bucket/folder': a folder ends with a slash: s3://bucket/folder/."
    ),
    (
      "small -o https://example.org/x.squash",
      "'https://example.org/x.squash' cannot be written; images go into a bucket as "
        + "s3://BUCKET/FOLDER/."
    ),
    (
      "small -o s3://bucket/x.squash --reuse y.squash",
      "--reuse is for an image on this machine; pack to a file, and use autosquash upload."
    ),
    ("small --sse AES256", "--sse is for an image in a bucket; name it with -o s3://…."),
    (
      "small -o - --html",
      "--html needs an image with a name, and -o - writes it to standard output; give a name."
    ),
    (
      "small -o - --manifest",
      "--manifest needs an image with a name, and -o - writes it to standard output; give a name."
    ),
    (
      "small -o - --skip-existing",
      "--skip-existing needs an image with a name, and -o - writes it to standard output; give a "
        + "name."
    ),
    ("- -o out/", "An archive from standard input needs --output to name the image."),
  ])
  func outputsThatAreNone(line: String, message: String) throws {
    let result = try pack(line)
    #expect(result.status == 64 && result.output.isEmpty)
    #expect(result.errors.contains(": \(message)\n"), "\(result.summary)")
  }

  /// Users take an image under an archive's name for an archive.
  @Test(arguments: [
    ("x.tar.gz", "x.squash"), ("out/x.zip", "out/x.squash"), ("x.tgz", "x.squash"),
    ("x.TAR", "x.TAR.squash"), ("x.gz", "x.squash"), ("x.mtree", "x.squash"), ("x.7z", "x.squash"),
    ("x y.iso", "'x y.iso.squash'"),
  ])
  func namesOfArchivesAreRefused(name: String, advised: String) throws {
    let result = try Tool.autosquash("pack", "small", "-o", name, in: folder.root)
    #expect(result.status == 64 && !folder.exists(name))
    #expect(
      result.errors.contains(
        ": '\(name)' is not an image name; pack makes SquashFS images, so use \(advised).\n"),
      "\(result.summary)")
    try Tool.check(["mkdir", "dir.zip"], in: folder.root)
    #expect(try pack("small -o dir.zip").status == 0)
  }
}

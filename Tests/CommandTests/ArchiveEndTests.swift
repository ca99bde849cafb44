import TestSupport
import Testing

/// An archive, made by a shell command as the file `in`, and the right outcome.
struct EndCase {
  var name: String
  var command: String
  var options: [String] = []
  /// The paths packed; `nil` if the archive is refused.
  var paths: [String]?
  /// Part of the error or the warning; empty if there should be none.
  var message = ""
}

/// Bytes after the end of an archive are padding, or are read or reported; members are never
/// skipped with status 0.
@Suite struct ArchiveEndTests {
  /// Two small archives of each kind, `1.…` with `a` and `2.…` with `b`.
  private static let preparation = """
    set -e
    mkdir d1 d2 && echo one >d1/a && echo two >d2/b
    for n in 1 2; do
      tar -C d$n -cf $n.tar --owner 0 --sort=name $(ls d$n)
      for f in newc odc bin ar_gnu xar warc iso9660 7zip zip; do
        (cd d$n && bsdtar --format ${f%_*} -cf ../$n.$f *)
      done
    done
    """

  static let tarCases: [EndCase] = [
    EndCase(
      name: "joined", command: "cat 1.tar 2.tar", paths: nil,
      message: "a tar archive follows the end of this one: 10,240 bytes would be lost; "
        + "read it as well with --ignore-zeros"),
    EndCase(
      name: "joined, to be read", command: "cat 1.tar 2.tar", options: ["--ignore-zeros"],
      paths: ["a", "b"]),
    EndCase(
      name: "members of gzip", command: "gzip -c 1.tar; gzip -c 2.tar", paths: nil,
      message: "a tar archive follows"),
    EndCase(
      name: "members of gzip, to be read", command: "gzip -c 1.tar; gzip -c 2.tar",
      options: ["--ignore-zeros"], paths: ["a", "b"]),
    EndCase(
      name: "other compression", command: "gzip -c 1.tar; xz -c 2.tar", paths: nil,
      message: "an xz stream follows the end of this one"),
    EndCase(
      name: "other compression, to be read", command: "gzip -c 1.tar; xz -c 2.tar; cat 1.tar",
      options: ["--ignore-zeros"], paths: ["a", "b"],
      message: "warning: a is replaced by a later entry of the same name"),
    EndCase(
      name: "compressed behind plain", command: "cat 1.tar; gzip -c 2.tar", paths: nil,
      message: "a gzip stream follows"),
    EndCase(
      name: "cpio behind", command: "cat 1.tar 2.newc", paths: nil,
      message: "a cpio archive follows"),
    EndCase(
      name: "zip behind", command: "cat 1.tar 2.zip", paths: nil, message: "a zip archive follows"),
    EndCase(
      name: "compressed cpio behind, to be read", command: "cat 1.tar; gzip -c 2.newc",
      options: ["--ignore-zeros"], paths: nil, message: "a cpio archive follows"),
    EndCase(
      name: "member in the last record", command: "head -c 2048 1.tar; cat 2.tar", paths: nil,
      message: "a tar archive follows"),
    EndCase(
      name: "lone block of zeros", command: "head -c 1024 1.tar; zeros 512; cat 2.tar",
      paths: ["a", "b"], message: "a lone block of zeros at byte 1024"),
    EndCase(
      name: "lone block at the end", command: "head -c 1536 1.tar", paths: ["a"],
      message: "only one block of zeros at the end"),
    EndCase(name: "zeros", command: "cat 1.tar; zeros 70000", paths: ["a"]),
    EndCase(
      name: "zeros that compress", command: "(cat 1.tar; zeros 3000000) | xz", paths: ["a"]),
    EndCase(
      name: "what was left in the last record",
      command: "head -c 2048 1.tar; yes stale | head -c 8192", paths: ["a"]),
    EndCase(
      name: "rubbish", command: "cat 1.tar; yes rubbish | head -c 5000", paths: ["a"],
      message: "warning: 5,000 bytes after the end of the archive ignored"),
    EndCase(
      name: "rubbish behind what was left",
      command: "head -c 2048 1.tar; yes stale | head -c 8195", paths: ["a"],
      message: "warning: 3 bytes after the end of the archive ignored"),
    EndCase(
      name: "member behind rubbish", command: "cat 1.tar; yes r | head -c 5120; cat 2.tar",
      paths: nil, message: "a tar archive follows"),
    EndCase(
      name: "member behind rubbish, to be read",
      command: "cat 1.tar; yes r | head -c 5120; cat 2.tar", options: ["--ignore-zeros"],
      paths: nil, message: "a tar archive follows"),
    EndCase(
      name: "old member behind rubbish",
      command: "cat 1.tar; yes r | head -c 512; bsdtar --format v7tar -C d2 -cf - b", paths: nil,
      message: "a tar archive follows"),
    EndCase(
      name: "rubbish behind a lone block",
      command: "head -c 1536 1.tar; yes r | head -c 512", paths: ["a"],
      message: "warning: 512 bytes after the end of the archive ignored"),
    EndCase(
      name: "joined, cut in a header", command: "cat 1.tar; head -c 300 2.tar", paths: nil,
      message: "a tar archive follows"),
    EndCase(
      name: "rubbish behind the compression", command: "gzip -c 1.tar; echo junk", paths: ["a"],
      message: "warning: 5 bytes after the end of the gzip data ignored"),
  ]

  static let cpioCases: [EndCase] =
    [
      EndCase(name: "joined", command: "cat 1.newc 2.newc", paths: ["a", "b"]),
      EndCase(name: "joined, odc", command: "cat 1.odc 2.odc", paths: ["a", "b"]),
      EndCase(name: "joined, binary", command: "cat 1.bin 2.bin", paths: ["a", "b"]),
      EndCase(
        name: "joined, cut in a header", command: "cat 1.newc; head -c 50 2.newc", paths: nil,
        message: "the archive is cut off"),
      EndCase(name: "mixed", command: "cat 1.odc; zeros 5; cat 2.newc", paths: ["a", "b"]),
      EndCase(
        name: "padded", command: "cat 1.newc; zeros 700; cat 2.newc; zeros 9999", paths: ["a", "b"]),
      EndCase(
        name: "compressed as a whole", command: "(cat 1.newc; zeros 99; cat 2.newc) | xz",
        paths: ["a", "b"]),
      EndCase(
        name: "both compressed", command: "gzip -c 1.newc; zstd -qc 2.newc", paths: ["a", "b"]),
      EndCase(
        name: "plain behind compressed", command: "gzip -c 1.newc; cat 2.newc", paths: ["a", "b"]),
      EndCase(
        name: "tar behind", command: "cat 1.newc 2.tar", paths: nil,
        message: "a tar archive follows the end of this one: 10,240 bytes would be lost; split"),
      EndCase(
        name: "compressed tar behind", command: "cat 1.newc; gzip -c 2.tar", paths: nil,
        message: "a tar archive follows"),
      EndCase(
        name: "zip behind", command: "cat 1.newc 2.zip", paths: nil,
        message: "a zip archive follows"
      ),
      EndCase(
        name: "rubbish", command: "cat 1.newc; echo junk", paths: ["a"],
        message: "warning: 5 bytes after the end of the archive ignored"),
      EndCase(
        name: "no trailer", command: "head -c 120 1.newc", paths: nil,
        message: "the archive is cut off: it has no trailer"),
    ]
    + ["gzip -c", "bzip2 -c", "xz --check=crc32 -c", "lzma -c", "zstd -qc", "lz4 -qlc", "lz4 -qc"]
    .map {
      EndCase(
        name: "an initrd by \($0)", command: "cat 1.newc; zeros 512; \($0) 2.newc",
        paths: ["a", "b"])
    }

  static let otherCases: [EndCase] =
    ["ar_gnu", "xar", "iso9660", "7zip"].flatMap { format in
      let same = ["ar_gnu": "an ar", "xar": "a xar", "iso9660": "an ISO", "7zip": "a 7z"][format]!
      return [
        EndCase(name: format, command: "cat 1.\(format)", paths: ["a"]),
        EndCase(name: "\(format), zeros", command: "cat 1.\(format); zeros 5000", paths: ["a"]),
        EndCase(
          name: "\(format), rubbish", command: "cat 1.\(format); echo junk", paths: ["a"],
          message: "warning: 5 bytes after the end of the archive ignored"),
        EndCase(
          name: "\(format), joined", command: "cat 1.\(format) 2.\(format)", paths: nil,
          message: "\(same)"),
        EndCase(
          name: "\(format), compressed behind", command: "cat 1.\(format); gzip -c 2.tar",
          paths: nil, message: "a gzip stream follows"),
      ]
    } + [EndCase(name: "warc, joined", command: "cat 1.warc 2.warc", paths: ["a", "b"])]

  @Test func tar() throws { try check(Self.tarCases) }
  @Test func cpio() throws { try check(Self.cpioCases) }
  @Test func others() throws { try check(Self.otherCases) }

  private func check(_ cases: [EndCase]) throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", Self.preparation], in: folder.root)
    for end in cases { try check(end, in: folder) }
  }

  /// From a file and a pipe; packed, listed and compared: always the same.
  private func check(_ end: EndCase, in folder: TemporaryFolder) throws {
    try Tool.check(
      [
        "sh", "-c",
        "rm -f *.squash; zeros() { head -c $1 /dev/zero; }; (\(end.command)) >in",
      ], in: folder.root)
    var ways = [["pack", "in", "-o", "out.squash"], ["pack", "in", "--dry-run"]]
    let alsoPiped = !end.name.hasPrefix("7zip")
    if alsoPiped { ways.append(["pack", "-", "-o", "piped.squash"]) }
    for way in ways {
      let result = try Tool.run(
        ["sh", "-c", "cat in | '\(Tool.autosquash)' \"$@\"", "-"] + way + end.options,
        in: folder.root)
      let isRight = result.status == (end.paths == nil ? 1 : 0)
      #expect(isRight, "\(end.name), \(way): \(result.summary)")
      #expect(
        end.message.isEmpty
          ? !result.errors.contains("warning") : result.errors.contains(end.message),
        "\(end.name), \(way): \(result.summary)")
    }
    guard let paths = end.paths else {
      #expect(!folder.exists("out.squash") && !folder.exists("piped.squash"))
      return
    }
    #expect(try Listing(of: folder.path("out.squash")).paths == paths, "\(end.name)")
    if alsoPiped { #expect(try folder.read("piped.squash") == folder.read("out.squash")) }
    let verified = try Tool.run(
      [Tool.autosquash, "verify", "out.squash", "--against", "in"] + end.options, in: folder.root)
    #expect(verified.status == 0, "\(end.name): \(verified.summary)")
  }

  /// A name like a specification's changes nothing.
  @Test func namesDoNotMakeSpecifications() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "\(Self.preparation)\ncat 1.tar 2.tar >in.mtree.tar; cp 1.zip in.mtree.zip"],
      in: folder.root)
    let joined = try Tool.autosquash("pack", "in.mtree.tar", in: folder.root)
    #expect(joined.status == 1 && joined.errors.contains("a tar archive follows"))
    #expect(try Tool.autosquash("pack", "in.mtree.zip", in: folder.root).status == 0)
  }

  /// GNU ar writes modes without a type, and an index into static libraries.
  @Test func archivesByGNUArAreRead() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "echo x >a; echo 'int f;' >f.c; cc -c f.c; ar rc in.a a; ar rcs in.lib f.o"],
      in: folder.root)
    for (archive, name) in [("in.a", "a"), ("in.lib", "f.o")] {
      let result = try Tool.autosquash("pack", archive, "-o", "x.squash", "-f", in: folder.root)
      #expect(result.status == 0, "\(result.summary)")
      #expect(try Listing(of: folder.path("x.squash")).paths == [name])
    }
  }

  /// What GNU tar reads with --ignore-zeros is packed.
  @Test func ignoringZerosIsAsGNUTarDoesIt() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        for n in 1 2 3 4; do echo $n >f$n; tar -cf $n.tar f$n; done
        (cat 1.tar 2.tar; head -c 512 /dev/zero; cat 3.tar; head -c 99328 /dev/zero; cat 4.tar) >in
        tar --ignore-zeros -tf in >names
        """,
      ], in: folder.root)
    let result = try Tool.autosquash("pack", "in", "--ignore-zeros", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    let names = String(decoding: try folder.read("names"), as: UTF8.self).split(separator: "\n")
    #expect(try Listing(of: folder.path("in.squash")).paths == names.map(String.init))
  }

  @Test func anArchiveWithoutMembersIsTold() throws {
    let packed = try Packed([UInt8](repeating: 0, count: 10_240))
    #expect(try packed.listing().paths == [])
    #expect(packed.result.errors.contains("warning: the archive has no members"))
  }
}

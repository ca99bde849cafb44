import TestSupport
import Testing

/// `--dereference`: packs the targets of links.
@Suite struct DereferenceTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p t/data t/z out/ref/deep; echo genome >out/genome; echo deep >out/ref/deep/f
        chmod 664 out/genome; chmod 775 out/ref; touch -d @1000000000 out/genome
        ln -s $PWD/out/genome t/data/a; ln -s a t/data/b; ln -s ../../out/ref t/data/ref
        ln -s ../data/ref/deep t/z/deep; echo own >t/z/own; ln -s own t/z/alias; mkfifo out/pipe
        ln -s ../../out/pipe t/z/pipe
        """,
      ], in: folder.root)
  }

  private func autosquash(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash] + arguments, in: folder.root)
  }

  /// tar -h decides.
  @Test func takesWhatTarTakes() throws {
    try Tool.check(["tar", "-h", "--sort=name", "-cf", "h.tar", "t"], in: folder.root)
    #expect(try autosquash("pack", "h.tar", "-q").status == 0)
    let packed = try autosquash("pack", "t", "--dereference")
    #expect(packed.status == 0 && !packed.errors.contains("warning"), "\(packed.summary)")
    #expect(try folder.read("t.squash") == folder.read("h.squash"))
    let listing = try Listing(of: folder.path("t.squash"))
    #expect(
      listing.paths == [
        "data", "data/a", "data/b", "data/ref", "data/ref/deep", "data/ref/deep/f", "z", "z/alias",
        "z/deep", "z/deep/f", "z/own", "z/pipe",
      ])
    #expect(
      listing["data/a"]?.mode == "-rw-rw-r--" && listing["data/a"]?.modified == "2001-09-09 01:46")
    #expect(listing["data/ref"]?.mode == "drwxrwxr-x")
    #expect(listing.entries.values.allSatisfy { $0.target.isEmpty })
    // A file with several names is packed once.
    #expect(packed.errors.contains("t.squash: 10 files and directories"), "\(packed.errors)")
    _ = try autosquash("pack", "t", "--dereference", "--no-hard-links", "-f")
    #expect(try autosquash("info", "t.squash").text.contains("hard links") == false)
  }

  @Test func theSameOptionComparesWithTheSource() throws {
    _ = try autosquash("pack", "t", "--dereference", "-q")
    #expect(try autosquash("verify", "t.squash", "--against", "t", "--dereference").status == 0)
    #expect(try autosquash("verify", "t.squash", "--against", "t").status == 1)
    let ignore = "--ignore=owner"
    #expect(try autosquash("diff", "t.squash", "t", "--dereference", ignore).status == 0)
    #expect(try autosquash("diff", "t.squash", "t", ignore).status == 1)
    let manifest = try autosquash("manifest", "t", "--dereference").text
    #expect(manifest.contains("./data/b") && !manifest.contains("type=link"))
  }

  @Test(arguments: [
    ("ln -s . t/z/self", "t/z/self: is a link to ., a directory that contains it"),
    ("ln -s ../.. t/data/up", "t/data/up/t: contains itself, through a link above it"),
    ("ln -s ../t t/top", "t/top: is a link to ../t, a directory that contains it"),
    (
      "ln -s ../../t/data out/ref/back",
      "t/data/ref/back: is a link to ../../t/data, a directory that contains it"
    ),
  ])
  func aDirectoryInItselfIsRefused(command: String, told: String) throws {
    try Tool.check(["sh", "-c", command], in: folder.root)
    let result = try autosquash("pack", "t", "--dereference")
    #expect(result.status == 1 && !folder.exists("t.squash"))
    #expect(result.errors == "autosquash: \(told); leave it out with --exclude\n")
  }

  @Test func whatALinkLeadsToMustBeThere() throws {
    try Tool.check(["ln", "-s", "../../out/none", "t/data/gone"], in: folder.root)
    try Tool.check(["ln", "-s", "loop", "t/z/loop"], in: folder.root)
    let refused = try autosquash("pack", "t", "--dereference")
    #expect(refused.status == 2 && !folder.exists("t.squash"))
    #expect(
      refused.errors
        == "autosquash: t/data/gone: is a link to ../../out/none, which does not exist; "
        + "leave such files out with --ignore-unreadable\n")
    let rest = try autosquash("pack", "t", "--dereference", "--ignore-unreadable")
    #expect(rest.status == 1)
    #expect(
      rest.errors.hasPrefix(
        """
        autosquash: t/data/gone: warning: is a link to ../../out/none, which does not exist; left out
        autosquash: t/z/loop: warning: is a link to loop, and cannot be followed: Too many levels of \
        symbolic links; left out
        autosquash: t.squash: 2 files could not be read and are not in the image

        """), "\(rest.errors)")
    let excluded = try autosquash(
      "pack", "t", "--dereference", "--exclude", "gone", "--exclude", "loop", "-f")
    #expect(excluded.status == 0, "\(excluded.summary)")
  }

  /// A few directories, each with two links to the next, would be an endless tree.
  @Test func aTreeThatLinksMakeEndlessIsRefused() throws {
    try Tool.check(
      [
        "sh", "-c",
        "mkdir w; cd w; for i in $(seq 40); do mkdir $i; ln -s ../$((i+1)) $i/a; ln -s ../$((i+1)) $i/b; done; mkdir 41",
      ],
      in: folder.root)
    let result = try autosquash("pack", "w", "--dereference", "--root-becomes", "1", "-q")
    #expect(result.status == 1)
    #expect(
      result.errors.contains(
        "links make more than 10,000 directories of this one; leave it out with --exclude\n"),
      "\(result.errors)")
  }

  @Test func archivesHaveNothingToFollow() throws {
    try Tool.check(["tar", "-cf", "t.tar", "t"], in: folder.root)
    let result = try autosquash("pack", "t.tar", "--dereference")
    #expect(result.status == 1)
    #expect(
      result.errors
        == "autosquash: t.tar: an archive has links, not their targets; --dereference is "
        + "for directories; make the archive with tar -h\n")
  }
}

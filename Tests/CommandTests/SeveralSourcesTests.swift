import TestSupport
import Testing

/// Several sources in one image: each packed as if alone, on top of those before it.
@Suite struct SeveralSourcesTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p base/bin base/etc/conf.d extra/etc extra/data
        echo base >base/bin/run; echo base >base/etc/conf; echo base >base/etc/conf.d/x
        ln base/bin/run base/bin/same; chmod 700 base/etc
        tar -czf base.tar.gz base
        echo extra >extra/etc/conf; echo extra >extra/data/new; echo gone >extra/data/skip
        ln -s new extra/data/link; chmod 755 extra/etc
        """,
      ], in: folder.root)
  }

  private func pack(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash, "pack"] + arguments + ["-o", "x.squash", "-f"], in: folder.root)
  }

  private var image: String { folder.path("x.squash") }

  private func text(_ path: String) throws -> String {
    String(decoding: try content(of: path, in: image), as: UTF8.self)
  }

  @Test func laterOnesWin() throws {
    let result = try pack("base.tar.gz", "extra/")
    try #require(result.status == 0, "\(result.summary)")
    let listing = try Listing(of: image)
    #expect(
      listing.paths == [
        "bin", "bin/run", "bin/same", "data", "data/link", "data/new", "data/skip", "etc",
        "etc/conf", "etc/conf.d", "etc/conf.d/x",
      ])
    #expect(listing["etc"]?.mode == "drwxr-xr-x")
    #expect(try text("etc/conf") == "extra\n")
    #expect(try text("bin/same") == "base\n")
    #expect(
      result.errors.contains(
        "autosquash: x.squash: warning: 1 entry of an earlier source is replaced by a later one: "
          + "etc/conf; --prefix NAME before each source keeps them apart\n"), "\(result.errors)")
    #expect(result.errors.contains("base/ became the root"))
    let turned = try pack("extra", "base.tar.gz")
    #expect(turned.status == 0)
    #expect(try text("etc/conf") == "base\n")
    #expect(try Listing(of: image)["etc"]?.mode == "drwx------")
    // The links are still links.
    #expect(try Tool.autosquash("info", image, "bin/run").text.contains("links              2\n"))
  }

  @Test func theyAreVerifiedTogether() throws {
    #expect(try pack("base.tar.gz", "extra", "--exclude", "skip").status == 0)
    let same = try Tool.autosquash(
      "verify", "x.squash", "--against", "base.tar.gz", "--against", "extra", "--exclude", "skip",
      in: folder.root)
    #expect(same.status == 0 && same.text.contains("equal to base.tar.gz"), "\(same.summary)")
    let other = try Tool.autosquash(
      "verify", "x.squash", "--against", "extra", "--against", "base.tar.gz", "--exclude", "skip",
      in: folder.root)
    #expect(other.status == 1 && other.text.contains("etc/conf"), "\(other.summary)")
  }

  @Test func eachMayHaveAPrefix() throws {
    #expect(try pack("base.tar.gz", "--prefix", "opt/more", "extra").status == 0)
    var paths = try Listing(of: image).paths
    #expect(paths.contains("bin/run") && paths.contains("opt/more/data/new"))
    #expect(try pack("--prefix=a", "base.tar.gz", "--prefix", "b/c", "extra").status == 0)
    paths = try Listing(of: image).paths
    #expect(paths.contains("a/bin/run") && paths.contains("b/c/data/new"))
    let same = try Tool.autosquash(
      "verify", "x.squash", "--prefix", "a", "--against", "base.tar.gz", "--prefix", "b/c",
      "--against", "extra", in: folder.root)
    #expect(same.status == 0, "\(same.summary)")
    // After all of them, it applies to all.
    #expect(try pack("base.tar.gz", "extra", "--prefix", "p").status == 0)
    #expect(try Listing(of: image).paths.allSatisfy { $0 == "p" || $0.hasPrefix("p/") })
    let lost = try pack("--prefix", "a", "extra", "--prefix", "b")
    #expect(lost.status == 64 && lost.errors.contains("No source follows the last --prefix"))
  }

  @Test func aDryRunShowsTheSame() throws {
    let listed = try Tool.autosquash(
      "pack", "base.tar.gz", "extra", "--dry-run", "-o", "x.squash", in: folder.root)
    #expect(listed.status == 0 && listed.text.contains("+ data/new\n+ data/skip\n+ etc/\n"))
  }

  /// A file replaces a directory, and the other way around.
  @Test func kindsMayChange() throws {
    try Tool.check(
      ["sh", "-ec", "mkdir -p k/bin/run; echo file >k/etc; echo in >k/bin/run/in"],
      in: folder.root)
    let result = try pack("base.tar.gz", "k")
    #expect(result.status == 0, "\(result.summary)")
    #expect(try text("etc") == "file\n")
    #expect(try text("bin/run/in") == "in\n")
    #expect(
      result.errors.contains(
        "autosquash: x.squash: warning: 5 entries of earlier sources are replaced by later ones, "
          + "starting with etc; --prefix NAME before each source keeps them apart\n"),
      "\(result.errors)")
    #expect(try pack("base.tar.gz", "k", "--json").text.contains("\"replaced\": 5, "))
    let verified = try Tool.autosquash("verify", "x.squash", in: folder.root)
    #expect(verified.status == 0 && !verified.text.contains("warning"), "\(verified.summary)")
  }

  /// Each is named where all exclusions are.
  @Test func whatIsReplacedIsListed() throws {
    let result = try pack(
      "base.tar.gz", "--prefix", "p", "base.tar.gz", "--prefix", "p", "extra", "-v")
    #expect(
      result.errors.contains(
        "autosquash: p/etc/conf: left out (replaced by a later source)\n"), "\(result.errors)")
    let listed = try Tool.autosquash(
      "pack", "base.tar.gz", "extra", "--dry-run", "-o", "x.squash", in: folder.root)
    #expect(listed.text.hasPrefix("- etc/conf  (replaced by a later source)\n+ bin/\n"))
    #expect(listed.text.hasSuffix("; 1 replaced\n"), "\(listed.text)")
  }

  /// Names that differ only in what they lose.
  @Test(arguments: [
    (
      ["a/f", "b/f"], ["--strip-components", "1"], "f is replaced by a later entry of the same name"
    ),
    (["t/f", "t/g", "t/f"], [], "f is replaced by a later entry of the same name"),
    (
      ["t/f", "t/f", "t/g", "t/f"], ["--prefix", "p"],
      "2 entries are replaced by later ones of the same name, starting with p/f"
    ),
  ])
  func replacedEntriesOfOneSourceAreNamed(
    names: [String], options: [String], warning: String
  ) throws {
    var tar = TarBuilder()
    for name in names { tar.add(name, bytes("x")) }
    let packed = try Packed(tar.finished(), options)
    #expect(
      packed.result.errors.contains(": warning: \(warning)\n"), "\(packed.result.summary)")
    let listed = try Packed(tar.finished(), options + ["--dry-run"]).result.text
    #expect(listed.contains("f  (replaced by a later entry of the same name)\n"), "\(listed)")
  }

  /// Layers of an OCI image; applying them by hand gives the expected result.
  @Test func whiteoutsTakeOutWhatWasBefore() throws {
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p l1/usr/lib l1/var/cache/a l1/home l2/usr/lib l2/var/cache l3/home
        echo 1 >l1/usr/lib/one; echo 1 >l1/usr/lib/two; echo 1 >l1/var/cache/a/x; echo 1 >l1/home/h
        : >l2/usr/lib/.wh.two; : >l2/var/cache/.wh..wh..opq; echo 2 >l2/var/cache/new
        : >l2/.wh.home; echo 2 >l2/home2; echo 3 >l3/home/h3; : >l3/usr; rm l3/usr
        for n in 1 2 3; do tar -C l$n -cf l$n.tar .; done
        cp -a l1 want; rm -r want/usr/lib/two want/var/cache/a want/home
        cp l2/var/cache/new want/var/cache; cp l2/home2 want; cp -a l3/home want
        """,
      ], in: folder.root)
    let result = try pack("l1.tar", "l2.tar", "l3.tar", "--whiteouts", "oci")
    #expect(result.status == 0, "\(result.summary)")
    #expect(
      result.errors.contains(
        "warning: 5 entries of earlier sources are replaced or removed by later ones, starting "
          + "with home\n"), "\(result.errors)")
    let same = try Tool.autosquash(
      "diff", "x.squash", "want", "--ignore", "mtime,owner", in: folder.root)
    #expect(same.status == 0, "\(same.summary)")
    let verified = try Tool.autosquash(
      "verify", "x.squash", "--against", "l1.tar", "--against", "l2.tar", "--against", "l3.tar",
      "--whiteouts", "oci", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
    // Without the option they are files like any others.
    #expect(try pack("l1.tar", "l2.tar").status == 0)
    #expect(try Listing(of: image).paths.contains("usr/lib/.wh.two"))
  }

  /// A layer with a single directory at its top means that directory.
  @Test func layersKeepTheirTops() throws {
    try Tool.check(
      [
        "sh", "-ec",
        "mkdir -p one/app two/app; echo 1 >one/app/a; : >two/app/.wh.a; echo 2 >two/app/b; "
          + "for n in one two; do tar -C $n -cf $n.tar app; done",
      ], in: folder.root)
    #expect(try pack("one.tar", "two.tar", "--whiteouts", "oci").status == 0)
    #expect(try Listing(of: image).paths == ["app", "app/b"])
  }

  @Test func theFirstFailureLeavesNothing() throws {
    let result = try pack("base.tar.gz", "missing")
    #expect(result.status == 2 && result.errors.contains("missing: cannot open"))
    #expect(!folder.exists("x.squash"))
  }
}

import TestSupport
import Testing

/// `extract --list`, which prints what would be unpacked.
@Suite struct PathListingTests {
  @Test func pathsAreThoseThatAreUnpacked() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p t/data/deep t/empty; echo 1 >t/data/a.fa; echo 2 >t/data/deep/b.fa; ln -s data/a.fa t/link
        '\(Tool.autosquash)' pack t -q
        """,
      ], in: folder.root)
    for paths in ["", "data", "data/deep data/a.fa", "'data/*.fa' link"] {
      let listed = try Tool.check(
        ["sh", "-c", "'\(Tool.autosquash)' extract -l t.squash \(paths) | sort"], in: folder.root)
      let unpacked = try Tool.check(
        [
          "sh", "-ec",
          "'\(Tool.autosquash)' extract t.squash -q --to-tar - \(paths) | tar -t | sed 's,^./,,;/^$/d' | sort",
        ], in: folder.root)
      #expect(!listed.text.isEmpty && listed.text == unpacked.text, "\(listed.summary)")
    }
    let missing = try Tool.autosquash("extract", "-l", "t.squash", "nope", "link", in: folder.root)
    #expect(missing.status == 1 && missing.text == "link\n")
    #expect(
      missing.errors == """
        autosquash: t.squash: warning: link: is a link to data/a.fa, which is not unpacked; \
        name it too
        autosquash: t.squash: nope: no such file in the image

        """)
    #expect(try Tool.run(["ls"], in: folder.root).text == "t\nt.squash\n")
  }
}

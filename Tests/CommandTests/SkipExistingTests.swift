import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// `extract --skip-existing`: the second run after an interrupted one, and other existing files.
@Suite struct SkipExistingTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", ForeignImageTests.source], in: folder.root)
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir tree/readonly; echo x > tree/readonly/f; ln tree/readonly/f tree/readonly/g
        chmod 555 tree/readonly; find tree -exec touch -h -d @1000000000 {} +
        '\(Tool.autosquash)' pack tree -q --ownership keep
        """,
      ], in: folder.root)
  }

  private func extract(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash, "extract", "tree.squash", "-C", "out"] + arguments, in: folder.root)
  }

  private func differences() throws -> [String] {
    try Snapshot(of: folder.path("out")).differences(from: Snapshot(of: folder.path("tree")))
  }

  /// The last line, without the seconds at its end.
  private func lastLine(_ result: Tool.Result) -> String {
    let line = result.errors.split(separator: "\n").last ?? ""
    return line.split(separator: ", ").dropLast().joined(separator: ", ")
  }

  @Test func whatIsMissingIsCompleted() throws {
    #expect(try extract().status == 0)
    let again = try extract("--skip-existing")
    #expect(again.status == 0, "\(again.summary)")
    #expect(
      lastLine(again) == "autosquash: out: 0 files and directories, 0 bytes; "
        + "kept 717 existing files")
    // A link to a file that stays, a file with further names that stay, a directory.
    try Tool.check(
      [
        "sh", "-ec",
        """
        rm out/big/numbers out/readonly/g out/dangling out/null out/fifo out/oneblock
        rm -r out/many; touch -d @1000000000 out
        """,
      ], in: folder.root)
    let completed = try extract("--skip-existing", "--json")
    #expect(completed.status == 0 && completed.errors.isEmpty, "\(completed.summary)")
    #expect(completed.text.contains("\"made\": 707, \"kept\": 11, "), "\(completed.text)")
    let differences = try differences()
    #expect(differences == [], "\(differences)")
  }

  /// Files that look the same stay, even if they are not links: only --force replaces them.
  @Test func copiesBecomeLinksByForceOnly() throws {
    #expect(try extract().status == 0)
    try Tool.check(["sh", "-c", "rm out/readonly/f; touch -d @1000000000 out"], in: folder.root)
    #expect(try extract("--skip-existing").status == 0)
    let inode = ["stat", "-c", "%i", "out/readonly/f", "out/readonly/g"]
    let apart = try Tool.check(inode, in: folder.root).text.split(separator: "\n")
    #expect(apart[0] != apart[1])
    #expect(try extract("--skip-existing", "--force").status == 0)
    #expect(try differences() == [])
  }

  /// Existing files with the right name but not the right content.
  @Test func whatDiffersIsAnErrorUnlessForced() throws {
    #expect(try extract().status == 0)
    try Tool.check(
      [
        "sh", "-ec",
        """
        echo more >> out/big/numbers; ln -sfn other out/dangling; touch out/many/*-77
        rm out/fifo; echo > out/fifo; rm out/null; mknod out/null c 1 5
        """,
      ], in: folder.root)
    let refused = try extract("--skip-existing")
    #expect(refused.status == 1, "\(refused.summary)")
    // The names of one file are two.
    #expect(
      refused.errors.hasPrefix(
        "autosquash: out: 6 existing files differ from the image: a/hard, "
          + "big/numbers, dangling, …; --force replaces them\n"), "\(refused.errors)")
    #expect(
      lastLine(refused) == "autosquash: out: 0 files and directories, 0 bytes; "
        + "kept 711 existing files, 6 errors")
    let forced = try extract("--skip-existing", "--force")
    #expect(forced.status == 0, "\(forced.summary)")
    #expect(
      lastLine(forced).contains("; kept 711 existing files"), "\(forced.errors)")
    try Tool.check(["touch", "-d", "@1000000000", "out"], in: folder.root)
    #expect(try differences() == [])
    try Tool.check(["sh", "-c", "rm out/oneblock && mkdir out/oneblock"], in: folder.root)
    let directory = try extract("--skip-existing", "--force")
    #expect(
      directory.errors.hasPrefix(
        "autosquash: out/oneblock: a directory of that name is in the way; remove it first\n"),
      "\(directory.errors)")
  }

  /// Somebody else's file gets no other name, even if it looks the same.
  @Test func strangersFilesAreNotLinked() throws {
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p out/a; head -c $(stat -c %s tree/a/hard) /dev/zero > out/a/hard
        touch -d @1000000000 out/a/hard; chown 1234 out/a/hard
        """,
      ], in: folder.root)
    let result = try extract("--skip-existing")
    #expect(result.status == 1, "\(result.summary)")
    #expect(
      result.errors.contains(
        "1 existing file differs from the image: a/hard; "
          + "--force replaces it"), "\(result.errors)")
    #expect(!folder.exists("out/big/numbers"))
  }

  /// Wherever the first run stops, the second one completes the tree.
  @Test func aStoppedRunIsContinued() throws {
    try Tool.check(
      [
        "sh", "-ec",
        """
        for d in x y z; do
          mkdir tree/$d; for i in $(seq 400); do echo $i > tree/$d/$i; done
          head -c 9000000 /dev/urandom > tree/$d/large; ln tree/$d/large tree/name-$d
        done
        chmod 500 tree/y; find tree -exec touch -h -d @1000000000 {} +
        '\(Tool.autosquash)' pack tree -qf --ownership keep --compression gzip
        """,
      ], in: folder.root)
    var stopped = 0
    for delay in [10_000, 30_000, 60_000, 90_000, 150_000, 250_000] {
      try Tool.check(["rm", "-rf", "out"], in: folder.root)
      let running = try Running(
        [Tool.autosquash, "extract", "tree.squash", "-C", "out"].map { Array($0.utf8) },
        in: folder.root)
      usleep(UInt32(delay))
      kill(running.process, SIGINT)
      if running.wait().status == 128 + SIGINT { stopped += 1 }
      let second = try extract("--skip-existing")
      #expect(second.status == 0, "\(second.summary)")
      let differences = try differences()
      #expect(differences == [], "\(delay): \(differences)")
    }
    #expect(stopped > 0)
  }

  @Test func anArchiveHasNothingToSkip() throws {
    let result = try Tool.autosquash(
      "extract", "tree.squash", "--to-tar", "x.tar", "--skip-existing", in: folder.root)
    #expect(
      result.status == 64
        && result.errors.contains(
          "--to-tar writes an archive; leave out --skip-existing.\n")
    )
  }
}

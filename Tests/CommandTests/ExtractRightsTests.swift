import Foundation
import Glibc
import TestSupport
import Testing

/// `extract` by an ordinary user over directories that shut out even their owner.
@Suite struct ExtractRightsTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["chmod", "777", folder.root])
  }

  private func sh(_ script: String) throws {
    try Tool.check(["sh", "-ec", script], in: folder.root)
  }

  /// Packs the tree `r`, its directories with a given mode, as the image `x.squash`.
  private func pack(mode: String, root: String = "755") throws {
    try sh(
      """
      mkdir -p r/d/e/f; echo one > r/d/a; ln r/d/a r/d/e/b; ln r/d/a r/d/e/f/c; echo two > r/d/e/two
      chmod \(mode) r/d/e/f r/d/e r/d; chmod \(root) r
      '\(Tool.autosquash)' pack r -o x.squash -q; chmod 644 x.squash
      """)
  }

  private func asUser(_ command: [String]) throws -> Tool.Result {
    try Tool.run(
      ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"] + command, in: folder.root)
  }

  private func extract(_ arguments: String...) throws -> Tool.Result {
    try asUser([Tool.autosquash, "extract", "x.squash", "-C", "out"] + arguments)
  }

  private func mode(_ path: String) throws -> String {
    try Tool.check(["stat", "-c", "%a", path], in: folder.root).text
      .replacingOccurrences(of: "\n", with: "")
  }

  @Test(arguments: [
    ("555", "755"), ("555", "555"), ("500", "500"), ("711", "111"), ("311", "755"), ("0", "755"),
    ("1555", "0"),
  ])
  func asSecondRunWithForceIsAsTheFirst(mode: String, root: String) throws {
    try pack(mode: mode, root: root)
    let first = try extract()
    #expect(first.status == 0, "\(first.summary)")
    let expected = try Snapshot(of: folder.path("r")).mapping {
      $0.uid = 1234
      $0.gid = 1234
    }
    #expect(try Snapshot(of: folder.path("out")).differences(from: expected) == [])
    // As root, whom no mode shuts out.
    try sh("echo other > out/d/a; rm out/d/e/two")
    let second = try extract("--force")
    #expect(second.status == 0, "\(second.summary)")
    #expect(try Snapshot(of: folder.path("out")).differences(from: expected) == [])
    if mode == "555" && root == "755" {
      let other = ["unsquashfs", "-q", "-n", "-f", "-d", "u", "x.squash"]
      _ = try asUser(other)
      #expect(try asUser(other).status == second.status)
    }
  }

  @Test func withoutForceWhatIsThereStays() throws {
    try pack(mode: "555")
    #expect(try extract().status == 0)
    try sh("rm out/d/e/two; chmod 500 out/d/e")
    let before = try Snapshot(of: folder.path("out"))
    let again = try extract()
    #expect(again.status == 1, "\(again.summary)")
    #expect(
      again.errors.contains(
        "out/d/e/two: cannot create: Permission denied; --force writes into your own read-only"),
      "\(again.errors)")
    #expect(
      again.errors.contains("out: 3 files exist already: d/a, d/e/b, d/e/f/c; --skip-existing"))
    #expect(try Snapshot(of: folder.path("out")).differences(from: before) == [])
  }

  /// An existing directory keeps its mode if the work ends half way.
  @Test func aFullDiskLeavesModesAsTheyWere() throws {
    try sh(
      """
      mkdir -p r/d r/e small; head -c 2000000 /dev/urandom > r/d/big; echo x > r/e/x
      chmod 555 r/d r/e; '\(Tool.autosquash)' pack r -o x.squash -q; chmod 644 x.squash
      mount -t tmpfs -o size=600k,mode=777 none small
      """)
    defer { _ = try? Tool.run(["umount", folder.path("small")]) }
    try sh("mkdir -p small/out/d; chmod 511 small/out/d; chown -R 1234:1234 small/out")
    let result = try asUser(
      [Tool.autosquash, "extract", "x.squash", "-C", "small/out", "--force"])
    #expect(result.status == 1 && result.errors.contains("No space left"), "\(result.summary)")
    #expect(try mode("small/out/d") == "511")
    #expect(try Tool.check(["find", "small", "-type", "f"], in: folder.root).text == "")
  }

  @Test func anInterruptLeavesModesAsTheyWere() throws {
    try sh(
      """
      mkdir -p r/d; head -c 60000000 /dev/urandom > r/d/big; chmod 555 r/d
      '\(Tool.autosquash)' pack r -o x.squash -q --compression lz4; chmod 644 x.squash
      mkdir -p out/d; chown -R 1234:1234 out
      """)
    for delay: UInt32 in [5_000, 20_000, 60_000] {
      try sh("chmod 511 out/d")
      let running = try Running(
        ([
          "setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", Tool.autosquash, "extract",
          "x.squash", "-C", "out", "-f",
        ]).map { Array($0.utf8) }, in: folder.root)
      usleep(delay)
      kill(running.process, SIGINT)
      let result = running.wait()
      #expect([0, 128 + SIGINT].contains(result.status), "\(result.summary)")
      #expect(try mode("out/d") == (result.status == 0 ? "555" : "511"), "\(result.summary)")
    }
  }

  /// Only the user's own directories are touched, and none through a link.
  @Test func othersDirectoriesStayShut() throws {
    try pack(mode: "555")
    try sh(
      """
      mkdir -p outside out/d; chmod 555 outside out/d; chown 1234:1234 outside out
      ln -s ../../outside out/d/e
      """)
    let result = try extract("--force")
    #expect(result.status == 1 && result.errors.contains("out/d/a"), "\(result.summary)")
    #expect(try mode("outside") == "555" && mode("out/d") == "555")
    #expect(folder.names(in: "outside") == [])
  }
}

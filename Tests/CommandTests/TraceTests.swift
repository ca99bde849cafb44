import TestSupport
import Testing

/// `trace`: the files that a command opens, in order, for `pack --order`.
@Suite struct TraceTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "-p", folder.path("tree/a/b"), folder.path("tree/empty")])
    for name in ["one", "a/two", "a/b/three", "four"] {
      try folder.write("tree/\(name)", Array(name.utf8))
    }
  }

  private func trace(_ script: String, _ options: [String] = []) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash, "trace", "tree", "-f", "-o", "list"] + options + [
        "--", "sh", "-c", script,
      ],
      in: folder.root)
  }

  private func list() throws -> String { String(decoding: try folder.read("list"), as: UTF8.self) }

  @Test func filesComeInTheOrderInWhichTheyAreOpened() throws {
    let result = try trace("cat tree/a/b/three tree/one tree/a/b/three; ls -R tree; stat tree/four")
    #expect(result.status == 0, "\(result.summary)")
    #expect(try list() == "a/b/three\none\n")
    #expect(result.text.hasPrefix("a/b/threeonea/b/three"))
    #expect(result.errors == "autosquash: list: 2 of 4 files\n")
  }

  @Test func packTakesTheList() throws {
    try Tool.check(["ln", "tree/one", "tree/a/same"], in: folder.root)
    #expect(try trace("cat tree/one").status == 0)
    // The name that comes first in the image carries the bytes.
    #expect(try list() == "a/same\none\n")
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "image", "--order", "list"], in: folder.root)
    let verified = try Tool.autosquash("verify", "image", "--against", "tree", in: folder.root)
    #expect(verified.status == 0, "\(verified.summary)")
  }

  @Test func programsAndLibrariesAreOpenedToo() throws {
    try Tool.check(["cp", "/bin/true", "tree/a/program"], in: folder.root)
    #expect(try trace("tree/a/program").status == 0)
    #expect(try list() == "a/program\n")
  }

  @Test func namesWithNewlinesEndWithNUL() throws {
    try folder.write("tree/new\nline", [1])
    #expect(try trace("cat tree/new*; cat tree/one").status == 0)
    #expect(try folder.read("list") == Array("new\nline\0one\0".utf8))
  }

  @Test func theStatusIsTheCommands() throws {
    let failed = try trace("cat tree/one; exit 7")
    #expect(failed.status == 7)
    #expect(try list() == "one\n")
    #expect(failed.errors.contains("ended with status 7"), "\(failed.summary)")
    #expect(try trace("kill -TERM $$").status == 143)
  }

  @Test func ctrlCEndsTheCommandAndKeepsTheList() throws {
    // A process group gets what a terminal sends for Ctrl-C.
    let script = """
      set -m
      '\(Tool.autosquash)' trace tree -o list -- sh -c 'cat tree/one; touch ready; sleep 60' &
      while ! [ -e ready ]; do sleep 0.05; done
      kill -INT -$!
      wait $!
      """
    let result = try Tool.run(["bash", "-c", script], in: folder.root)
    #expect(result.status == 130, "\(result.summary)")
    #expect(try list() == "one\n")
  }

  /// As `timeout` does.
  @Test func otherSignalsArePassedOn() throws {
    let script = """
      '\(Tool.autosquash)' trace tree -o list -- sh -c 'cat tree/one; touch ready; exec sleep 60' &
      while ! [ -e ready ]; do sleep 0.05; done
      kill -TERM $!
      wait $!
      """
    let result = try Tool.run(["bash", "-c", script], in: folder.root)
    #expect(result.status == 143, "\(result.summary)")
    #expect(try list() == "one\n")
  }

  /// More directories than the system can queue events for.
  @Test func manyDirectories() throws {
    try Tool.check(["sh", "-c", "seq 1 20000 | sed 's|^|tree/a/|' | xargs mkdir"], in: folder.root)
    let result = try trace("cat tree/one", ["--null"])
    #expect(result.status == 0, "\(result.summary)")
    #expect(try list() == "one\0")
  }

  @Test func whatCannotBeDoneIsSaid() throws {
    let missing = try Tool.autosquash(
      "trace", "tree", "-o", "new", "--", "no-such-program", in: folder.root)
    #expect(missing.status == 127 && missing.errors.contains("no-such-program: cannot run"))
    let nowhere = try Tool.autosquash("trace", "nowhere", "-o", "new", "--", "ls", in: folder.root)
    #expect(nowhere.status == 2 && nowhere.errors.contains("nowhere: cannot watch"))
    #expect(!folder.exists("new"))
    #expect(try Tool.autosquash("trace", "-o", "new", in: folder.root).status == 64)
    let nothing = try trace("true")
    #expect(nothing.status == 0 && nothing.errors.contains("no file in it was opened"))
    let again = try Tool.autosquash("trace", "tree", "-o", "list", "--", "ls", in: folder.root)
    #expect(again.status == 1 && again.errors.contains("--force"), "\(again.summary)")
  }

  @Test func tooManyDirectoriesAreSaid() throws {
    let script =
      "echo 2 >/proc/sys/user/max_inotify_watches && exec '\(Tool.autosquash)' trace tree -o list -- ls"
    let result = try Tool.run(
      ["unshare", "--user", "--map-root-user", "sh", "-c", script], in: folder.root)
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.errors.contains("fs.inotify.max_user_watches"), "\(result.summary)")
    #expect(!folder.exists("list"))
  }
}

import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// Users who change their directories while root works in them, and killed runs.
@Suite struct HostileTests {
  private func make(_ folder: TemporaryFolder, files: Int) throws {
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p over/home/student/a/b/c root/home/student outside
        for i in $(seq \(files)); do
          echo overlay-$i > over/home/student/a/b/c/$i; echo overlay > over/home/student/a/$i
        done
        chown -R 1234:1234 root/home/student
        """,
      ], in: folder.root)
  }

  private func link(_ folder: TemporaryFolder) -> [String] {
    [
      Tool.autosquash, "overlay", "link", "--overlay", folder.path("over"), "--root",
      folder.path("root"), "--quiet",
    ]
  }

  /// Directories become links to elsewhere and back, as fast as a user can do it.
  @Test func swappedDirectoriesLeadNowhere() throws {
    let folder = try TemporaryFolder()
    try make(folder, files: 150)
    try Tool.check(["chmod", "755", folder.root, folder.path("root")])
    try Tool.check(["chmod", "777", folder.path("outside")])
    let attacker = try Running(
      [
        "setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "python3", "-c",
        """
        import os
        home, outside = "\(folder.path("root/home/student"))", "\(folder.path("outside"))"
        def attempt(call, *names):
            try: call(*names)
            except OSError: pass
        while not os.path.exists("\(folder.path("stop"))"):
            for path in (home + "/a", home + "/a/b", home + "/a/b/c"):
                attempt(os.rename, path, home + "/aside")
                attempt(os.symlink, outside, path)
                attempt(os.unlink, path)
                attempt(os.mkdir, path)
                attempt(os.rmdir, path)
                attempt(os.rename, home + "/aside", path)
        """,
      ].map { Array($0.utf8) })
    for _ in 1...25 {
      let result = try Tool.run(link(folder))
      #expect([0, 1].contains(result.status), "\(result.summary)")
      #expect(folder.names(in: "outside") == [])
      _ = try Tool.run([
        Tool.autosquash, "overlay", "prune", "--overlay", folder.path("over"), "--root",
        folder.path("root"), "--quiet",
      ])
    }
    try folder.write("stop", [])
    _ = attacker.wait()
    #expect(folder.names(in: "outside") == [])
    // Undisturbed, it finishes.
    try Tool.check(["sh", "-c", "rm -rf root/home/student/*"], in: folder.root)
    #expect(try Tool.run(link(folder)).status == 0)
  }

  /// Whenever a run ends, each path is in its old or its new state, and the next run finishes.
  @Test func aRunThatIsKilledLeavesNothingHalf() throws {
    for round in 0..<30 {
      let folder = try TemporaryFolder()
      try make(folder, files: 40)
      try Tool.check(
        [
          "sh", "-ec",
          """
          mkdir -p root/home/student/a
          for i in $(seq 40); do echo mine-$i > root/home/student/a/$i; done
          chown -R 1234:1234 root/home/student
          """,
        ], in: folder.root)
      let running = try Running(
        (link(folder) + ["--backup", folder.path("kept")]).map { Array($0.utf8) })
      usleep(UInt32(round) * 700)
      kill(running.process, round % 3 == 2 ? SIGTERM : SIGKILL)
      _ = running.wait()
      for i in 1...40 {
        let path = HostPath(folder.path("root/home/student/a/\(i)"))
        let text = try String(decoding: SmallFile.read(path, limit: 100), as: UTF8.self)
        #expect(["mine-\(i)\n", "overlay\n"].contains(text), "round \(round), \(i): \(text)")
        if text == "overlay\n" {
          #expect(try folder.read("kept/home/student/a/\(i)") == Array("mine-\(i)\n".utf8))
        }
      }
      let again = try Tool.run(link(folder) + ["--backup", folder.path("kept")])
      #expect(again.status == 0, "round \(round): \(again.summary)")
      // No directory belongs to root alone.
      let owners = try Tool.check(
        ["find", folder.path("root/home/student"), "-type", "d", "-not", "-user", "1234"])
      #expect(owners.text == "", "round \(round)")
      let left = try Tool.check(
        ["find", folder.path("root"), "-name", ".*", "-o", "-type", "f", "-path", "*/home/*"])
      #expect(left.text == "", "round \(round)")
    }
  }

  /// The kernel can kill the listing's process when memory runs out.
  @Test func aListingThatIsKilledPrunesNothing() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p over/data root; cd over/data
        seq -f 'a-file-with-a-name-that-fills-the-pipe-%.0f' 15000 | xargs touch
        """,
      ], in: folder.root)
    #expect(try Tool.run(link(folder)).status == 0)
    var complaints = 0
    for _ in 1...5 {
      let running = try Running(
        [
          Tool.autosquash, "overlay", "prune", "--overlay", folder.path("over"), "--root",
          folder.path("root"),
        ].map { Array($0.utf8) })
      let children = "/proc/\(running.process)/task/\(running.process)/children"
      var child: pid_t?
      for _ in 1...20_000 where child == nil {
        child = try? pid_t(
          String(decoding: SmallFile.read(HostPath(children), limit: 100), as: UTF8.self)
            .prefix { $0 != " " })
      }
      kill(running.process, SIGSTOP)
      usleep(100_000)
      if let child { kill(child, SIGKILL) }
      kill(running.process, SIGCONT)
      let result = running.wait()
      if result.status == 2 { complaints += 1 }
      #expect(
        result.status == 0 && (result.text + result.errors).contains("nothing to change")
          || result.status == 2 && result.errors.contains("whole answer"), "\(result.summary)")
      #expect(folder.names(in: "root/data").count == 15000)
    }
    #expect(complaints > 0)
  }
}

import Foundation
import Glibc
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// The processes of a mount: their rights, and their end.
  @Suite(.serialized) struct MountProcessTests {
    private func mount(_ options: String...) throws -> OwnMount {
      try OwnMount(try MountSample.shared().image(), options)
    }

    @Test func theServerOfRootHasNoRights() throws {
      let own = try mount()
      let processes = own.processes
      #expect(processes.count == 2)
      let server = try #require(processes.first { $0.serves })
      #expect(server.status["Uid"] == "65534\t65534\t65534\t65534")
      #expect(server.status["Gid"] == "65534\t65534\t65534\t65534")
      #expect(server.status["Groups"] == "")
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        #expect(server.status[set] == "0000000000000000", "\(set)")
      }
      #expect(server.status["NoNewPrivs"] == "1")
      // Nobody else's processes may look into it.
      let owner = try Tool.check(["stat", "-c", "%u", "/proc/\(server.number)/mem"]).text
      #expect(owner == "0\n")
      let limits = try String(
        contentsOfFile: "/proc/\(server.number)/limits", encoding: .utf8)
      let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") }
      #expect(core?.split(separator: " ").dropFirst(4).first == "0")
      let keeper = try #require(processes.first { !$0.serves })
      // To reach the folder, to stop the server, to unmount.
      #expect(keeper.status["CapEff"] == "0000000000200024")
      #expect(keeper.status["CapBnd"] == "0000000000000000")
    }

    @Test func unmountingEndsTheProcesses() throws {
      let own = try mount()
      let result = try Tool.autosquash("unmount", own.path)
      #expect(result.status == 0 && result.output.isEmpty, "\(result.summary)")
      #expect(!own.isMounted)
      #expect(own.hasEnded)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGKILL], [true, false])
    func aSignalUnmounts(number: Int32, toServer: Bool) throws {
      // What waits for the end cannot do so after its own.
      if number == SIGKILL && !toServer { return }
      let own = try mount()
      let file = open(own.path + "/plain/text300000", O_RDONLY)
      try #require(file >= 0)
      defer { close(file) }
      let process = try #require(own.processes.first { $0.serves == toServer })
      kill(process.number, number)
      #expect(own.hasEnded)
      #expect(!own.isMounted)
    }

    @Test func aBusyMountStays() throws {
      let own = try mount()
      let user = try Daemon(["sleep", "1000"], log: "/dev/null", in: own.path)
      let refused = try Tool.autosquash("unmount", own.path)
      #expect(refused.status == 1)
      #expect(refused.errors.contains("sleep (\(user.process))"), "\(refused.summary)")
      #expect(refused.errors.contains("--lazy"), "\(refused.summary)")
      #expect(try Tool.run(["cat", own.path + "/plain/hello"]).text == "hello\n")
      #expect(try Tool.autosquash("unmount", "--lazy", own.path).status == 0)
      #expect(!own.isMounted)
      #expect(!own.processes.isEmpty)
      user.end(with: SIGKILL)
      #expect(own.hasEnded)
    }

    @Test(arguments: [SIGTERM, SIGINT, 0])
    func foregroundStays(number: Int32) throws {
      let image = try MountSample.shared().image()
      let folder = try TemporaryFolder()
      let path = folder.path("mount")
      try Tool.check(["mkdir", path])
      defer { umount2(path, Int32(MNT_DETACH)) }
      let daemon = try Daemon(
        [Tool.autosquash, "mount", "--foreground", image, path], log: folder.path("log"))
      #expect(eventually { access(path + "/plain/hello", R_OK) == 0 })
      #expect(daemon.isRunning)
      if number == 0 {
        #expect(try Tool.autosquash("unmount", path).status == 0)
      } else {
        daemon.send(number)
      }
      #expect(eventually { !daemon.isRunning })
      #expect(access(path + "/plain/hello", R_OK) != 0)
      #expect(daemon.text.isEmpty, "\(daemon.text)")
    }

    @Test func manyMountsLeaveNothing() throws {
      let image = try MountSample.shared().image()
      let folder = try TemporaryFolder()
      let path = folder.path("mount")
      try Tool.check(["mkdir", path])
      defer { while umount2(path, Int32(MNT_DETACH)) == 0 {} }
      for _ in 0..<200 {
        try Tool.check([Tool.autosquash, "mount", image, path])
        try Tool.check(["cat", path + "/plain/text1"])
        try Tool.check([Tool.autosquash, "unmount", path])
      }
      #expect(eventually { OwnProcess.all(with: path).isEmpty })
    }

    /// Neither many files nor much data makes a server large.
    @Test func memoryIsBounded() throws {
      let folder = try TemporaryFolder()
      try Tool.check(
        [
          "sh", "-ec",
          """
          mkdir -p tree/d; head -c 150M /dev/urandom >tree/data; cd tree/d
          for i in $(seq 60); do mkdir $i; (cd $i; seq 1000 | xargs touch); done; cd ../..
          '\(Tool.autosquash)' pack tree -q -o image --compression zstd --level 1
          """,
        ], in: folder.root)
      let own = try OwnMount(folder.path("image"))
      func memory() throws -> Int {
        let server = try #require(own.processes.first { $0.serves })
        let words = (server.status["RssAnon"] ?? "").split(separator: " ")
        return try #require(words.first.flatMap { Int($0) }) << 10
      }
      try Tool.check(["sh", "-c", "ls -lR '\(own.path)' | wc -l"])
      if !Tool.isSanitized { #expect(try memory() < 48 << 20) }
      try Tool.check(["cmp", own.path + "/data", folder.path("tree/data")])
      if !Tool.isSanitized { #expect(try memory() < (48 + 64 + 24) << 20) }
    }
  }
}

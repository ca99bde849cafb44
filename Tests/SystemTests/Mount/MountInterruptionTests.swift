import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// Programs that wait for names and attributes from a bucket that does not answer.
  @Suite(.serialized) struct MountInterruptionTests {
    private static let image = Result { try BigTables() }

    /// An image whose tables are larger than what opening fetches, and cannot be compressed.
    private struct BigTables {
      let folder: TemporaryFolder
      static let count = 15_000

      init() throws {
        folder = try TemporaryFolder()
        let script = """
          import os
          os.makedirs("tree/many")
          for _ in range(\(Self.count)):
              open("tree/many/" + os.urandom(120).hex(), "w").close()
          """
        try Tool.check(["python3", "-c", script], in: folder.root)
        try Tool.check(
          [Tool.autosquash, "pack", "tree", "-q", "-o", "image.squash"], in: folder.root)
      }
    }

    let server: FaultServer
    let logs: TemporaryFolder

    init() throws {
      server = try BucketSystemTests.faults.get()
      logs = try TemporaryFolder()
    }

    /// Mounts from a bucket that answers no request after those of the opening.
    private func mount(_ bucket: String) throws -> OwnMount {
      try server.put(
        bucket, "image.squash", file: try Self.image.get().folder.path("image.squash"))
      try server.fail(bucket, [#""fault": "silence", "start": 3"#])
      return try OwnMount(
        "s3://\(bucket)/image.squash", ["--timeout", "3600"], environment: server.environment)
    }

    /// Starts more programs than the server has threads, all of which wait for it.
    private func startWaiting(_ own: OwnMount) throws -> [Daemon] {
      let programs = try (0..<12).map {
        try Daemon(
          $0 == 0 ? ["ls", own.path + "/many"] : ["stat", own.path + "/many/8\($0)"],
          log: logs.path("log"))
      }
      let wait = programs.allSatisfy { program in
        eventually {
          (try? String(contentsOfFile: "/proc/\(program.process)/wchan", encoding: .utf8))
            == "request_wait_answer"
        }
      }
      try #require(wait)
      return programs
    }

    @Test(arguments: [SIGINT, SIGKILL]) func waitingForNamesIsInterrupted(number: Int32) throws {
      let bucket = "mount-names-\(number)"
      let own = try mount(bucket)
      // Those that came last first.
      for program in try startWaiting(own).reversed() {
        program.send(number)
        #expect(eventually { !program.isRunning })
      }
      try server.control(#"{"clear": "/\#(bucket)/"}"#)
      let names = try Tool.check(["ls", own.path + "/many"]).text.split(separator: "\n")
      #expect(names.count == BigTables.count)
      #expect(try Tool.run(["stat", own.path + "/many/1"]).errors.contains("No such file"))
      #expect(try Tool.autosquash("unmount", own.path).status == 0)
      #expect(own.hasEnded)
    }

    @Test func unmountingDoesNotWait() throws {
      let own = try mount("mount-names")
      let programs = try startWaiting(own)
      #expect(try Tool.autosquash("unmount", own.path).errors.contains("in use"))
      #expect(try Tool.autosquash("unmount", "--lazy", own.path).status == 0)
      #expect(!own.isMounted)
      for process in own.processes where process.serves { kill(process.number, SIGTERM) }
      #expect(own.hasEnded)
      for program in programs { #expect(eventually { !program.isRunning }) }
    }
  }
}

import Foundation
import Glibc
import TestSupport
import Testing

extension AutomountSystemTests {
  /// Many images of a bucket at once, mounted by the automounter.
  @Suite struct DirectSoakTests {
    private static let count = Soak.rounds > 3 ? 300 : 30
    /// In turns, each followed by a number.
    private static let names = [
      "plain", "with space", "it's", "a\\b", "a:b", "$HOME", "-fstype=ext4", "café 🐧", "#x", "100%",
      "folder/plain", "folder/deep/with space",
    ]

    private let server: FaultServer
    private let work: TemporaryFolder
    private let images: [String]

    /// Puts them into the bucket; each has its name in the file `id`.
    init() throws {
      server = try FaultServer()
      work = try TemporaryFolder()
      images = (0..<Self.count).map { "\(Self.names[$0 % Self.names.count]) \($0)" }
      for (number, name) in images.enumerated() {
        try Tool.check(["mkdir", work.path("\(number)")])
        try work.write("\(number)/id", Array(name.utf8))
      }
      try Tool.check(
        [Tool.autosquash, "pack", "-q"] + images.indices.map { "\($0)" }, in: work.root)
      for (number, name) in images.enumerated() {
        try server.put("soak", "images/\(name).squash", file: work.path("\(number).squash"))
      }
    }

    private func descriptors(_ process: pid_t) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
    }

    /// The folders of images that the automounter serves now.
    private func folders(of lab: AutofsLab) -> Int {
      mountTable().split(separator: "\n").count { $0.contains(" \(lab.mountRoot)/") }
    }

    /// The processes of all these mounts.
    private func processes(of lab: AutofsLab) throws -> [pid_t] {
      try Tool.run(["pgrep", "-f", "--", "autosquash mount .*\(lab.mountRoot)"]).text
        .split(separator: "\n").compactMap { pid_t($0) }
    }

    /// What they have in memory, in bytes; each shared page counts once.
    private func memory(of processes: [pid_t]) throws -> Int {
      try processes.map { process in
        let text = try String(contentsOfFile: "/proc/\(process)/smaps_rollup", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
      }.reduce(0, +)
    }

    @Test func allMountAndExpire() throws {
      try AutomountSystemTests.withMountHelper {
        let lab = try AutofsLab(
          images: "s3://soak/images",
          settings: """
            endpoint-url = \(server.url)
            sign-requests = no
            cache = \(work.path("cache"))
            """, browses: true)
        let daemon = try #require(lab.daemon).process
        let before = try descriptors(daemon)
        let shown = try Tool.check(["sh", "-c", "ls '\(lab.mountRoot)' | wc -l"])
        let top = Set(images.map { $0.split(separator: "/")[0] })
        #expect(shown.text == "\(top.count)\n")

        try work.write(
          "names", Array(images.map { "\(lab.mountRoot)/\($0)/id" }.joined(separator: "\0").utf8))
        let read = try Tool.run(
          [
            "xargs", "-0", "-P", "8", "-n", "1", "-a", work.path("names"), "sh", "-c",
            "printf '%s\\n' \"$(cat \"$0\")\"",
          ])
        #expect(read.status == 0, "\(read.summary.suffix(500))\n\(lab.log)")
        #expect(read.text.split(separator: "\n").sorted() == images.map { $0[...] }.sorted())
        #expect(lab.mounted.count == images.count)
        #expect(lab.log == "")
        let processes = try processes(of: lab)
        #expect(processes.count == 2 * images.count)
        if !Tool.isSanitized {
          #expect(try memory(of: processes) / images.count < 12 << 20)
        }

        // The automounter's signal for "unmount what nobody uses"; a folder has to be empty first.
        #expect(
          eventually {
            kill(daemon, SIGUSR1)
            return eventually(seconds: 10) { lab.mounted.isEmpty && folders(of: lab) == 0 }
          }, "\(lab.mounted.count) images and \(folders(of: lab)) folders are left")
        #expect(try eventually { try self.processes(of: lab).isEmpty })
        #expect(
          try eventually { try descriptors(daemon) <= before },
          "\((try? descriptors(daemon)) ?? 0), \(before) before")
      }
    }
  }
}

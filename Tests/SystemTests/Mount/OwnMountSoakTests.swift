import Foundation
import Glibc
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// Mounts over and over, and a mount that is read over and over: what they leave behind.
  @Suite(.serialized) struct OwnMountSoakTests {
    let folder: TemporaryFolder
    let server: FaultServer

    init() throws {
      folder = try TemporaryFolder()
      server = try FaultServer()
      // For many rounds more than a server keeps.
      let unit = Soak.rounds > 3 ? 90_000 : 9000
      try Tool.check(
        [
          "sh", "-ec",
          """
          mkdir -p tree/many temporary cache; cd tree; seq 300 | xargs -I @ touch many/@
          for i in $(seq 40); do head -c $((i * \(unit))) /dev/urandom >random$i; done
          seq 400000 >numbers; setfattr -n user.a -v b numbers; ln -s numbers link
          cd ..; '\(Tool.autosquash)' pack tree -q -o image.squash --compression zstd --level 1
          """,
        ], in: folder.root)
      try Tool.check(["chmod", "755", folder.root])
      try Tool.check(["chmod", "1777", folder.path("temporary")])
      try server.put("soak", "image.squash", file: folder.path("image.squash"))
    }

    private var environment: [String: String] {
      server.environment.merging(["TMPDIR": folder.path("temporary")]) { $1 }
    }

    private func mount(fromBucket: Bool) throws -> OwnMount {
      try OwnMount(
        fromBucket ? "s3://soak/image.squash" : folder.path("image.squash"),
        fromBucket ? ["--cache", folder.path("cache")] : [], environment: environment)
    }

    @Test func mountsLeaveNothing() throws {
      func files() throws -> [String] {
        try Tool.check(["find", "temporary", "cache"], in: folder.root).text
          .split(separator: "\n").map(String.init)
      }
      func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
      }
      let before = try descriptors()
      var first: [String]?
      for round in 1...2 * Soak.rounds {
        let own = try mount(fromBucket: round % 2 == 0)
        try Tool.check(["cmp", own.path + "/numbers", folder.path("tree/numbers")])
        try Tool.check([Tool.autosquash, "unmount", own.path])
        #expect(own.hasEnded && !own.isMounted, "round \(round)")
        if round == 2 { first = try files() }
      }
      #expect(try files() == first)
      #expect(try files().contains { $0.hasPrefix("cache/") })
      // Other tests run in this process too.
      #expect(try eventually { try descriptors() <= before + 20 })
    }

    @Test(arguments: [false, true]) func aServerDoesNotGrow(fromBucket: Bool) throws {
      let own = try mount(fromBucket: fromBucket)
      let process = try #require(own.processes.first { $0.serves })
      // What the kernel has kept is not asked for again: neither contents nor names.
      let script = """
        import ctypes, os, sys
        libc = ctypes.CDLL(None)
        os.chdir(sys.argv[1])
        for round in range(int(sys.argv[2]), int(sys.argv[3])):
            for name in os.listdir("."):
                if not os.path.isfile(name):
                    continue
                with open(name, "rb", 0) as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                    while file.read(1 << 20):
                        pass
                    os.lseek(file.fileno(), 0, os.SEEK_HOLE)
                os.listxattr(name)
            os.listdir("many")
            os.path.exists(f"many/none-{round}")
            os.statvfs(".")
        """
      func needs() throws -> (memory: Int, threads: Int, descriptors: Int) {
        let now = try #require(own.processes.first { $0.number == process.number }).status
        let words = (now["RssAnon"] ?? "").split(separator: " ")
        return (
          try #require(words.first.flatMap { Int($0) }) << 10,
          try #require(now["Threads"].flatMap { Int($0) }),
          try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.number)/fd").count
        )
      }
      func read(_ rounds: Range<Int>) throws {
        try Tool.check(
          ["python3", "-c", script, own.path, "\(rounds.lowerBound)", "\(rounds.upperBound)"])
      }
      // By then its caches are full.
      try read(0..<3)
      let before = try needs()
      try read(3..<3 + Soak.rounds)
      let after = try needs()
      if Soak.rounds > 100 { print("before: \(before), after \(Soak.rounds) rounds: \(after)") }
      #expect(after.threads <= before.threads)
      #expect(after.descriptors <= before.descriptors)
      if !Tool.isSanitized { #expect(after.memory < before.memory + 8 << 20) }
    }
  }
}

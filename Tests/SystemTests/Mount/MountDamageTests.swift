import Foundation
import Glibc
import TestSupport
import Testing

extension OwnMountSystemTests {
  /// Images that are damaged, or made to harm their readers.
  @Suite(.serialized) struct MountDamageTests {
    let folder: TemporaryFolder

    init() throws {
      folder = try TemporaryFolder()
      try Tool.check(["mkdir", folder.path("mount")])
    }

    private var path: String { folder.path("mount") }

    private func end() { while umount2(path, Int32(MNT_DETACH)) == 0 {} }

    /// A block in the middle of a file, spoiled: that file cannot be read there, and all others can.
    @Test func aDamagedBlockIsAnErrorOfItsFile() throws {
      defer { end() }
      try Tool.check(
        [
          "sh", "-ec",
          "mkdir tree; seq 100000 >tree/numbers; seq 200000 300000 >tree/others; "
            + "'\(Tool.autosquash)' pack tree -q -o image --compression gzip",
        ], in: folder.root)
      let facts = try Tool.check(
        [Tool.autosquash, "info", "--json", "image", "numbers"], in: folder.root)
      let json = try #require(
        try JSONSerialization.jsonObject(with: Data(facts.output)) as? [String: Any])
      let start = try #require(json["dataStart"] as? Int)
      var bytes = try folder.read("image")
      for index in start + 100..<start + 200 { bytes[index] = ~bytes[index] }
      try folder.write("image", bytes)
      let daemon = try Daemon(
        [Tool.autosquash, "mount", "--foreground", "image", path], log: folder.path("log"),
        in: folder.root)
      #expect(eventually { access(path + "/numbers", R_OK) == 0 })
      let file = open(path + "/numbers", O_RDONLY)
      try #require(file >= 0)
      var buffer = [UInt8](repeating: 0, count: 100)
      for _ in 0..<3 {
        #expect(pread(file, &buffer, 100, 0) == -1)
        #expect(errno == EIO)
      }
      // The next block of the same file.
      #expect(pread(file, &buffer, 100, 131_072 * 2) == 100)
      close(file)
      #expect(
        try Tool.run(["cmp", path + "/others", folder.path("tree/others")]).status == 0)
      #expect(daemon.isRunning)
      let lines = daemon.text.split(separator: "\n")
      #expect(lines.count == 1, "\(daemon.text)")
      #expect(lines.first?.contains("does not unpack") == true, "\(daemon.text)")
      end()
      #expect(eventually { !daemon.isRunning })
    }

    @Test func theFuzzersSeedsDoNoHarm() throws {
      let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../Fuzz/corpus").standardizedFileURL.path
      let names = try Tool.check(
        ["find", corpus + "/images", corpus + "/kernel", "-type", "f"]
      ).text.split(separator: "\n").map(String.init).sorted()
      #expect(names.count >= 10)
      for name in names { try OwnMount.expectSurvival(of: name) }
    }

    /// Images with a few wrong bytes, most of them in their tables.
    @Test(arguments: ["gzip", "none"])
    func wrongBytesDoNoHarm(compression: String) throws {
      try Tool.check(
        [
          "sh", "-ec",
          """
          mkdir tree; cd tree; mkdir a b; seq 3000 >a/numbers; ln a/numbers b/again; ln -s a link
          truncate -s 500k b/hole; setfattr -n user.x -v y a; mkfifo b/pipe
          for i in $(seq 60); do echo $i >a/$i; done; cd ..
          '\(Tool.autosquash)' pack tree -q -o good --compression \(compression) --block-size 4K
          """,
        ], in: folder.root)
      let good = try folder.read("good")
      let tables = good.count / 2
      var generator = SeededGenerator(7)
      for _ in 0..<60 {
        var bytes = good
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          let start = Bool.random(using: &generator) ? tables : 96
          bytes[Int.random(in: start..<good.count, using: &generator)] = .random(
            in: 0...255, using: &generator)
        }
        try folder.write("bad", bytes)
        try OwnMount.expectSurvival(of: folder.path("bad"))
      }
    }
  }
}

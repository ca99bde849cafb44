import Foundation
import Glibc
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: SystemTests.canMount)) struct LargeTreeTests {
  /// The kernel finds each of 70,000 names through the directory's index, and over 65,536 inodes.
  @Test func seventyThousandNamesInOneDirectory() throws {
    var tar = TarBuilder()
    for number in 0..<70_000 { tar.add("d/entry-\(number)", Array("\(number)".utf8)) }
    let folder = try TemporaryFolder()
    try folder.write("in.tar", tar.finished())
    try Tool.check([Tool.autosquash, "pack", "in.tar", "--strip-components", "0"], in: folder.root)
    try withMount(of: folder.path("in.squash")) { mount in
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(mount)/d").count == 70_000)
      var status = stat()
      for number in stride(from: 0, to: 70_000, by: 7) {
        try #require(lstat("\(mount)/d/entry-\(number)", &status) == 0)
        try #require(Int(status.st_size) == String(number).utf8.count)
      }
      #expect(try Tool.check(["cat", "\(mount)/d/entry-69999"]).text == "69999")
      #expect(lstat("\(mount)/d/entry-x", &status) == -1 && errno == ENOENT)
    }
  }

  /// A path with two thousand levels can be mounted; more than Linux can open are refused.
  @Test(.timeLimit(.minutes(10))) func veryDeepPaths() throws {
    var tar = TarBuilder()
    let path = String(repeating: "d/", count: 2_000) + "file"
    tar.addPax([("path", Array(path.utf8))])
    tar.add("short", Array("bottom".utf8))
    let folder = try TemporaryFolder()
    try folder.write("in.tar", tar.finished())
    let result = try Tool.autosquash("pack", "in.tar", "--strip-components", "0", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    try withMount(of: folder.path("in.squash")) { mount in
      _ = try Tool.check(["sh", "-c", "cd '\(mount)' && find . -name file | wc -c | grep -qx 4007"])
    }
    var longer = TarBuilder()
    longer.addPax([("path", Array(("d/" + path + path).utf8))])
    longer.add("short", Array("bottom".utf8))
    try folder.write("longer.tar", longer.finished())
    let refused = try Tool.autosquash("pack", "longer.tar", in: folder.root)
    #expect(refused.status == 1 && refused.errors.contains("a path of more than 4,095 bytes"))
  }
}

/// Whatever happens while an image is made, nothing incomplete gets its name.
@Suite(.serialized, .enabled(if: SystemTests.canMount)) struct InterruptionTests {
  @Test(arguments: [SIGKILL, SIGTERM, SIGINT])
  func killedInMidWrite(signal: Int32) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir d && head -c 6000000 /dev/urandom > d/big && tar -cf - d | head -c 5000000 > part",
      ], in: folder.root)
    try folder.write("old.squash", Array("precious".utf8))
    // An archive that never ends: however fast the machine, the image is not done.
    let script = """
      rm -f pipe; mkfifo pipe
      (cat part; while [ -e pipe ]; do sleep 0.1; done) > pipe &
      exec '\(Tool.autosquash)' pack - -f -o "$0" < pipe
      """
    for image in ["new.squash", "old.squash"] {
      let running = try Running(
        ["sh", "-c", script, image].map { Array($0.utf8) }, in: folder.root)
      #expect(eventually { written(by: running.process) > 1 << 20 })
      kill(running.process, signal)
      #expect(running.wait().status == 128 + signal)
    }
    try Tool.check(["rm", "pipe"], in: folder.root)
    #expect(folder.names == ["d", "old.squash", "part"])
    #expect(try folder.read("old.squash") == Array("precious".utf8))
  }

  /// The number of bytes that a process has written so far.
  private func written(by process: pid_t) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/io", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("wchar: ") }
    return line.flatMap { Int($0.dropFirst(7)) } ?? 0
  }

  @Test func fullDisk() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-c", "mkdir d small && head -c 8000000 /dev/urandom > d/big"], in: folder.root)
    try Tool.check(["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", folder.path("small")])
    defer { _ = try? Tool.run(["umount", "-l", folder.path("small")]) }
    let result = try Tool.autosquash("pack", "d", "-o", "small/x.squash", in: folder.root)
    #expect(result.status == 1)
    #expect(
      result.errors.contains(
        "small/x.squash: cannot write: No space left on device; free some space"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("small")) == [])
  }

  /// A manifest is larger than an image of many empty files.
  @Test func aDiskFullOfTheManifestChangesNothing() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-c", "mkdir d small && seq -f 'd/a-name-that-repeats-%.0f' 9999 | xargs touch"],
      in: folder.root)
    try Tool.check(["mount", "-t", "tmpfs", "-o", "size=512K", "tmpfs", folder.path("small")])
    defer { _ = try? Tool.run(["umount", "-l", folder.path("small")]) }
    for name in ["small/x.squash", "small/x.mtree"] { try folder.write(name, Array("old".utf8)) }
    let result = try Tool.autosquash(
      "pack", "d", "-f", "-o", "small/x.squash", "--manifest", in: folder.root)
    #expect(result.status == 1)
    #expect(result.errors.contains("small/x.mtree: cannot write: No space left on device"))
    for name in ["small/x.squash", "small/x.mtree"] {
      #expect(try folder.read(name) == Array("old".utf8))
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("small"))
    #expect(names.sorted() == ["x.mtree", "x.squash"])
  }

  @Test func fileSizeLimit() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-c", "mkdir d e && head -c 3000000 /dev/urandom > d/big && seq 999 > e/small"],
      in: folder.root)
    let result = try Tool.run(
      ["bash", "-c", "ulimit -f 1000; exec '\(Tool.autosquash)' pack d"], in: folder.root)
    #expect(result.status == 1)
    #expect(result.errors.contains("d.squash: cannot write: File too large"))
    #expect(folder.names == ["d", "e"])
    // An incomplete small file does not keep its name.
    try Tool.check([Tool.autosquash, "pack", "e", "-q"], in: folder.root)
    let extracted = try Tool.run(
      ["bash", "-c", "ulimit -f 1; exec '\(Tool.autosquash)' extract e.squash -C out"],
      in: folder.root)
    #expect(
      extracted.status == 1 && extracted.errors.contains("out/small: cannot write: File too large"),
      "\(extracted.summary)")
    #expect(folder.names(in: "out") == [])
  }

  /// On file systems without unnamed files, the image gets a hidden name, which is removed too.
  @Test func withoutUnnamedFiles() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-c", "mkdir d real fuse && head -c 20000000 /dev/urandom | base64 > d/big"],
      in: folder.root)
    try Tool.check(["bindfs", folder.path("real"), folder.path("fuse")])
    defer { _ = try? Tool.run(["umount", "-l", folder.path("fuse")]) }
    let contents = { try FileManager.default.contentsOfDirectory(atPath: folder.path("fuse")) }
    let running = try Running(
      [Tool.autosquash, "pack", "d", "-o", "fuse/x.squash"].map { Array($0.utf8) }, in: folder.root)
    #expect(try eventually { try contents().map { $0.hasPrefix(".x.squash.") } == [true] })
    kill(running.process, SIGTERM)
    #expect(running.wait().status == 128 + SIGTERM)
    #expect(try contents() == [])
    let result = try Tool.autosquash(
      "pack", "d", "-o", "fuse/x.squash", "--compression", "lz4", in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    #expect(try contents() == ["x.squash"])
    let again = try Tool.autosquash(
      "pack", "d", "-f", "-o", "fuse/x.squash", "--compression", "lz4", in: folder.root)
    #expect(again.status == 0, "\(again.summary)")
    #expect(try contents() == ["x.squash"])
    // Extraction also works with such names, and removes them when it is stopped.
    let unpacking = try Running(
      [Tool.autosquash, "extract", "fuse/x.squash", "-C", "fuse/out"].map { Array($0.utf8) },
      in: folder.root)
    usleep(20_000)
    kill(unpacking.process, SIGINT)
    _ = unpacking.wait()
    let names = { (try? FileManager.default.contentsOfDirectory(atPath: folder.path("real/out"))) }
    #expect([[], ["big"], nil].contains(names()))
    for options in [[], ["--force"]] {
      try Tool.check(["rm", "-rf", folder.path("real/out")])
      let extracted = try Tool.run(
        [Tool.autosquash, "extract", "fuse/x.squash", "-C", "fuse/out"] + options, in: folder.root)
      #expect(extracted.status == 0, "\(extracted.summary)")
      #expect(names() == ["big"])
      try Tool.check(["cmp", "d/big", "real/out/big"], in: folder.root)
    }
  }
}

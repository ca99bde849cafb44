import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing
import TreeModel

@testable import Extraction

/// Files with several names, one of them in a directory where somebody else may write, who
/// exchanges the file before its other names are made.
@Suite struct ExchangedFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private final class Errors: Sendable {
    let texts = Mutex<[String]>([])
    func add(_ path: [UInt8], _ text: String) {
      texts.withLock { $0.append("\(String(decoding: path, as: UTF8.self)): \(text)") }
    }
    var all: [String] { texts.withLock { $0 } }
  }

  /// Makes `theirs/f`, runs `exchange` on it, and then makes its second name, `ours/g`.
  private func extract(
    in place: String, mostHeld: Int, kind: TreeEntry.Kind, exchange: (String) throws -> Void
  ) throws -> [String] {
    let errors = Errors()
    let context = ExtractionContext(replaces: false, mostHeld: mostHeld) { errors.add($0, $1) }
    let attributes = Attributes(permissions: 0o755, uid: getuid(), gid: getgid(), modified: 1)
    var top: OutputDirectory? = try OutputDirectory(
      top: Array("\(place)/out".utf8), attributes: attributes, xattrs: [], context: context)
    let linker = HardLinker(top: top!)
    let made = MadeFile(wanted: Array("theirs/f".utf8), source: 0)
    for name in ["theirs", "ours"] {
      let directory = top!.makeDirectory(Array(name.utf8), attributes, [])!
      if name == "ours" {
        linker.add(HardLinker.Name(Array("g".utf8), in: directory), to: made)
      } else if case .regular = kind {
        let file = OutputFile(Array("f".utf8), in: directory, size: 4, attributes, [])!
        try Array("ours".utf8).withUnsafeBytes { try file.write($0, at: 0) }
        #expect(file.finish(made))
      } else {
        directory.makeSpecial(Array("f".utf8), kind, attributes, [], made)
      }
    }
    top = nil
    try exchange("\(place)/out/theirs/f")
    linker.run { file, _, _ in
      Issue.record("no copy is needed")
      return file
    }
    return errors.all
  }

  private func number(_ path: String) -> UInt64 {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt64(status.st_ino) : 0
  }

  private static var kinds: [TreeEntry.Kind] {
    [
      .regular(size: 4), .symlink(target: Array("ours".utf8)), .fifo,
    ]
  }

  /// ext4 gives a new file the number of one just deleted, but not while ours is open; with more
  /// files than may be open, the time of the last change distinguishes them.
  @Test(.enabled(if: geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] != nil))
  func aFileWithTheSameNumberGetsNoName() throws {
    try Tool.check(
      ["sh", "-ec", "truncate -s 4M x.img; mkfs.ext4 -q x.img; mkdir m; mount -o loop x.img m"],
      in: folder.root)
    defer { _ = try? Tool.run(["umount", "-l", folder.path("m")]) }
    for (index, kind) in Self.kinds.enumerated() {
      for mostHeld in [0, 1] {
        let place = folder.path("m/\(index)-\(mostHeld)")
        mkdir(place, 0o755)
        var hasNumber = false
        let errors = try extract(in: place, mostHeld: mostHeld, kind: kind) { file in
          let number = number(file)
          #expect(unlink(file) == 0)
          // The files' clock ticks every few milliseconds.
          usleep(30_000)
          for attempt in 0..<50 where !hasNumber {
            let other = "\(place)/other-\(attempt)"
            switch kind {
            case .regular:
              try Data("evil".utf8).write(to: URL(fileURLWithPath: other))
            case .fifo: mkfifo(other, 0o755)
            default: symlink("evil", other)
            }
            hasNumber = self.number(other) == number
            if hasNumber || attempt == 49 { #expect(rename(other, file) == 0) }
          }
        }
        #expect(hasNumber == (mostHeld == 0), "\(kind)")
        #expect(
          errors == ["ours/g: hard link to a file that was replaced meanwhile"], "\(kind) \(errors)"
        )
        #expect(number("\(place)/out/ours/g") == 0)
      }
    }
  }

  /// A file that is held gets its names wherever its first one has moved.
  @Test func aHeldFileIsFoundWithoutItsFirstName() throws {
    for (index, kind) in Self.kinds.enumerated() {
      let place = folder.path("\(index)")
      mkdir(place, 0o755)
      var first: UInt64 = 0
      let errors = try extract(in: place, mostHeld: 1, kind: kind) { file in
        first = number(file)
        #expect(rename(file, "\(place)/moved") == 0 && symlink("evil", file) == 0)
      }
      #expect(errors == [] && number("\(place)/out/ours/g") == first, "\(kind)")
    }
  }

  /// One that is not held must still have its name, and is found again after each link.
  @Test func aFileThatIsNotHeldIsFoundByItsName() throws {
    for (index, kind) in Self.kinds.enumerated() {
      let place = folder.path("\(index)")
      mkdir(place, 0o755)
      #expect(try extract(in: place, mostHeld: 0, kind: kind) { _ in } == [])
      #expect(number("\(place)/out/ours/g") == number("\(place)/out/theirs/f"))
      let other = folder.path("other-\(index)")
      mkdir(other, 0o755)
      let errors = try extract(in: other, mostHeld: 0, kind: kind) { file in
        #expect(rename(file, "\(other)/moved") == 0 && symlink("evil", file) == 0)
      }
      #expect(errors == ["ours/g: hard link to a file that was replaced meanwhile"], "\(kind)")
    }
  }
}

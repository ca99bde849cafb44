import Foundation
import Glibc
import Posix
import SquashFS
import Synchronization
import TestSupport
import Testing

@testable import ImageMount

/// A session that many threads ask at the same time.
@Suite struct FuseSessionTests {
  private let folder: TemporaryFolder
  private static let sizes = [0, 1, 300, 5000, 131_072, 131_073, 700_000, 1_000_000]

  init() throws {
    folder = try TemporaryFolder()
    var generator = SeededGenerator(11)
    try Tool.check(["mkdir", "-p", "tree/many"], in: folder.root)
    for (number, size) in Self.sizes.enumerated() {
      var bytes = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
      // Holes, and what can be compressed.
      if size > 500_000 {
        bytes.replaceSubrange(131_072..<400_000, with: repeatElement(0, count: 400_000 - 131_072))
        bytes.replaceSubrange(0..<100_000, with: repeatElement(1, count: 100_000))
      }
      try folder.write("tree/\(number)", bytes)
    }
    try Tool.check(
      ["sh", "-ec", "cd tree/many; seq 500 | xargs touch; setfattr -n user.a -v b 7"],
      in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-q", "-o", "image", "--compression", "zstd"],
      in: folder.root)
  }

  /// A node by its name.
  private func node(_ client: FuseClient, _ directory: UInt64, _ name: String) -> UInt64 {
    let answer = client.ask(.lookup, directory, Array(name.utf8) + [0])
    return answer.error == 0 ? answer.bytes.number(0, UInt64.self) : 0
  }

  @Test(arguments: [false, true]) func sixteenAskersGetWhatIsThere(interrupts: Bool) throws {
    let image = try Image(ImageInput(path: Array(folder.path("image").utf8)))
    var limits = MountedImage.Limits()
    // So small that blocks come and go.
    limits.cache = 300_000
    let mounted = try MountedImage(image, limits: limits) { Issue.record("\($0)") }
    let client = try FuseClient()
    let session = try FuseSession(
      options: MountOptions(source: [97], allowsOthers: false, []))
    try session.mount(on: client.folder)
    let beginning = client.begin()
    let ended = Atomic(0)
    try session.serve(mounted) { ended.add(1, ordering: .relaxed) }
    let answer = client.answer(to: beginning)
    // Its flags: requests for one directory may come at the same time (FUSE_PARALLEL_DIROPS).
    #expect(answer.error == 0 && answer.bytes.number(12, UInt32.self) & 1 << 18 != 0)
    let contents = try Self.sizes.indices.map { try folder.read("tree/\($0)") }
    let nodes = Self.sizes.indices.map { node(client, 1, "\($0)") }
    let many = node(client, 1, "many")
    #expect(!nodes.contains(0) && many != 0)
    let wrong = Mutex<[String]>([])
    _ = try concurrentMap(count: 16, threads: 16) { thread in
      var generator = SeededGenerator(UInt64(thread))
      for round in 0..<150 {
        let file = Int.random(in: contents.indices, using: &generator)
        let all = contents[file]
        let start = Int.random(in: 0...all.count, using: &generator)
        let count = Int.random(in: 0...200_000, using: &generator)
        let number = client.send(
          .read, nodes[file],
          FuseClient.bytes(0 as UInt64, UInt64(start), UInt32(count), 0 as UInt32)
            + FuseClient.bytes(0 as UInt64, 0 as UInt64))
        if interrupts && round % 3 == 0 { client.interrupt(number) }
        let read = client.answer(to: number)
        let isInterrupted = interrupts && read.error == EINTR
        if !isInterrupted && read.bytes != Array(all[start..<min(all.count, start + count)]) {
          wrong.withLock { $0.append("file \(file), \(count) bytes at \(start): \(read.error)") }
        }
        let name = "\(Int.random(in: 1...500, using: &generator))"
        let found = node(client, many, name)
        let attributes = client.ask(.attributes, found, [UInt8](repeating: 0, count: 16))
        if found == 0 || attributes.error != 0 {
          wrong.withLock { $0.append("many/\(name): \(attributes.error)") }
        }
        let list = client.ask(
          .listPlus, many,
          FuseClient.bytes(0 as UInt64, 0 as UInt64, 8192 as UInt32, 0 as UInt32)
            + FuseClient.bytes(0 as UInt64, 0 as UInt64))
        if list.error != 0 || list.bytes.count < 6000 {
          wrong.withLock { $0.append("listing: \(list.error)") }
        }
      }
    }
    #expect(wrong.withLock { $0 } == [])
    client.disconnect()
    #expect(eventually { ended.load(ordering: .relaxed) == mounted.threads })
    session.close()
  }
}

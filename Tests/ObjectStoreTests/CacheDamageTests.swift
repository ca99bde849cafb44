import Glibc
import Posix
import Synchronization
import TestSupport
import Testing

@testable import ObjectStore

/// What processes and machines that stop, disks and strangers leave behind.
@Suite struct CacheDamageTests {
  static let chunk = CacheLab.chunk
  static let length = 4 * chunk + 1000
  /// Where the bytes begin: behind a header of 4 KiB and an index that fits into 4 KiB.
  static let data = 8192

  /// Ways to change a complete file.
  static let damages: [(name: String, change: @Sendable (inout [UInt8]) -> Void)] = [
    ("a chunk never reached the disk", { $0.fill(data..<data + Int(chunk), with: 0) }),
    (
      "half a chunk never reached the disk",
      { $0.fill(data + 100_000..<data + Int(chunk), with: 0) }
    ),
    ("one bit", { $0[data + 70_000] ^= 4 }),
    ("half a record", { $0.fill(4096 + 8..<4096 + 16, with: 0) }),
    ("a record of garbage", { $0.fill(4096 + 16..<4096 + 32, with: 0xa5) }),
    ("an index of garbage", { $0.fill(4096..<data, with: 0xff) }),
    (
      "the records of other chunks",
      { $0.replaceSubrange(4096..<4112, with: $0[4112..<4128]) }
    ),
    (
      "chunks in each other's places",
      {
        let first = Array($0[data..<data + Int(chunk)])
        let second = Array($0[data + Int(chunk)..<data + 2 * Int(chunk)])
        $0.replaceSubrange(data..<data + 2 * Int(chunk), with: second + first)
      }
    ),
    ("cut in a chunk", { $0.removeLast(2 * Int(chunk) + 5) }),
    ("cut in the index", { $0.removeLast($0.count - 4096 - 20) }),
    ("cut in the header", { $0.removeLast($0.count - 100) }),
    ("empty", { $0 = [] }),
    ("no header", { $0.fill(0..<4096, with: 0) }),
    ("another length in the header", { $0[24] ^= 1 }),
    ("another ETag in the header", { $0[65] ^= 1 }),
    ("another format", { $0[17] = UInt8(ascii: "2") }),
    ("something else", { $0 = Array("#!/bin/sh\n".utf8) }),
  ]

  @Test(arguments: damages.indices)
  func damageCountsAsMissing(index: Int) throws {
    let lab = try CacheLab()
    try #require(try lab.cache().object(length: Self.length)).store(0..<Self.length)
    let file = "cache/\(try #require(lab.files.first))"
    var bytes = try lab.folder.read(file)
    Self.damages[index].change(&bytes)
    try lab.folder.write(file, bytes)

    let object = try #require(try lab.cache().object(length: Self.length))
    #expect(object.wrong == [], "\(Self.damages[index].name)")
    #expect(object.readable != Array(object.chunks), "\(Self.damages[index].name)")
    object.store(0..<Self.length)
    #expect(object.readable == Array(object.chunks), "\(Self.damages[index].name)")
    #expect(lab.files.count == 1)
  }

  @Test func aDamagedChunkIsReadOnce() throws {
    let lab = try CacheLab()
    let object = try #require(try lab.cache().object(length: Self.length))
    object.store(0..<Self.length)
    let file = "cache/\(try #require(lab.files.first))"
    var bytes = try lab.folder.read(file)
    bytes[Self.data] ^= 1
    try lab.folder.write(file, bytes)
    let other = try #require(try lab.cache().object(length: Self.length))
    #expect(other.has(0))
    #expect(other.read(0) == nil)
    #expect(!other.has(0))
  }

  /// A link in the place of a file leads nowhere.
  @Test func aLinkIsNotFollowed() throws {
    let lab = try CacheLab()
    _ = try lab.cache().object(length: Self.length)
    let name = try #require(lab.files.first)
    try Tool.check(["mv", lab.folder.path("cache/\(name)"), lab.folder.path("elsewhere")])
    let before = try lab.folder.read("elsewhere")
    try Tool.check(["ln", "-s", "../elsewhere", lab.folder.path("cache/\(name)")])
    let object = try #require(try lab.cache().object(length: Self.length))
    object.store(0..<Self.length)
    #expect(object.readable == Array(object.chunks))
    #expect(try lab.folder.read("elsewhere") == before)
  }

  /// Random work of several processes, with random damage between.
  @Test(arguments: 0..<12)
  func neverAWrongByte(seed: Int) throws {
    let lab = try CacheLab()
    var random = SeededGenerator(UInt64(seed))
    var objects: [CachedObject] = []
    for _ in 0..<40 {
      if objects.isEmpty || Int.random(in: 0..<6, using: &random) == 0 {
        objects.append(try #require(try lab.cache().object(length: Self.length)))
      }
      let object = objects.randomElement(using: &random)!
      switch Int.random(in: 0..<8, using: &random) {
      case 0...2:
        let start = UInt64.random(in: 0..<Self.length, using: &random)
        object.store(start..<UInt64.random(in: start...Self.length, using: &random))
      case 3: objects.removeAll { $0 === object }
      case 4...5:
        let path = lab.folder.path("cache/\(try #require(lab.files.first))")
        guard let file = Descriptor(opening: Array(path.utf8), O_RDWR) else {
          throw SystemError("open", path: Array(path.utf8))
        }
        let size = try #require(stat(of: file.number)).size
        let place = UInt64.random(in: 0...size, using: &random)
        if Bool.random(using: &random) {
          #expect(ftruncate(file.number, off_t(place)) == 0)
        } else {
          let count = Int.random(in: 1...10_000, using: &random)
          let garbage = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
          #expect(writeFully(file.number, garbage, at: place))
        }
      default:
        let chunk = UInt64.random(in: object.chunks, using: &random)
        #expect(object.isRight(chunk) != false)
      }
    }
  }
}

extension [UInt8] {
  fileprivate mutating func fill(_ range: Range<Int>, with byte: UInt8) {
    replaceSubrange(range, with: repeatElement(byte, count: range.count))
  }
}

import Foundation
import Posix
import Synchronization
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct CachedObjectTests {
  static let chunk = CacheLab.chunk

  @Test(arguments: [1, chunk - 1, chunk, chunk + 1, 5 * chunk + 7])
  func whatWasStoredIsThereForOthers(length: UInt64) throws {
    let lab = try CacheLab()
    let object = try #require(try lab.cache().object(length: length))
    #expect(object.readable == [])
    object.store(0..<length)
    let other = try #require(try lab.cache().object(length: length))
    #expect(other.readable == Array(other.chunks))
    #expect(other.read(other.chunks.upperBound) == nil)
  }

  @Test func onlyWholeChunksAreStored() throws {
    let lab = try CacheLab()
    let object = try #require(try lab.cache().object(length: 4 * Self.chunk + 9))
    object.store(1..<3 * Self.chunk - 1)
    #expect(object.readable == [1])
    object.store(4 * Self.chunk - 5..<4 * Self.chunk + 9)
    #expect(object.readable == [1, 4])
  }

  @Test func theFileHasHolesWhereNothingWasStored() throws {
    let lab = try CacheLab()
    let object = try #require(try lab.cache().object(length: 1 << 40))
    object.store(1 << 39..<1 << 39 + Self.chunk)
    #expect(object.isRight((1 << 39) / Self.chunk) == true)
    #expect(lab.bytesOnDisk < 2 * Self.chunk)
  }

  @Test func anotherVersionOrObjectSharesNothing() throws {
    let lab = try CacheLab()
    let cache = try lab.cache()
    let object = try #require(cache.object(length: 2 * Self.chunk))
    object.store(0..<2 * Self.chunk)
    let others = [
      cache.object(length: 2 * Self.chunk, etag: "\"2\""), cache.object(length: 2 * Self.chunk + 1),
      cache.object("other", length: 2 * Self.chunk),
      cache.object(
        CachedLocation(.bucket("bucket", key: Array("image".utf8)), origin: "there"),
        object.version),
      cache.object(
        CachedLocation(.bucket("other", key: Array("image".utf8)), origin: "here"), object.version),
      cache.object(CachedLocation(.web("https://here/bucket/image"), origin: ""), object.version),
    ]
    for other in others { #expect(try #require(other).readable == []) }
    #expect(object.readable == [0, 1])
  }

  @Test(arguments: ["W/\"1\"", "1", "\"\(String(repeating: "x", count: 2000))\"", "\"a\0b\""])
  func aVersionThatCannotBeAskedForAgainIsNotKept(etag: String) throws {
    let lab = try CacheLab()
    #expect(try lab.cache().object(length: 100, etag: etag) == nil)
    #expect(lab.files == [])
  }

  @Test func theVersionOpenedLastIsKnown() throws {
    let lab = try CacheLab()
    let cache = try lab.cache()
    #expect(cache.latest(CacheLab.location()) == nil)
    for etag in ["\"1\"", "\"2\"", "\"3\"", "\"2\""] {
      _ = cache.object(length: 100, etag: etag)
      #expect(cache.latest(CacheLab.location())?.version.etag == etag)
    }
    #expect(cache.latest(CacheLab.location("other")) == nil)
  }

  @Test func aQueryIsInNoFile() throws {
    let lab = try CacheLab()
    let url = "https://host/image?X-Amz-Signature=50c4e7"
    let location = CachedLocation(.web(url), origin: "")
    let version = ObjectVersion(length: 3, etag: "\"1\"")
    try #require(try lab.cache().object(location, version)).store([1, 2, 3], at: 0)
    let file = try lab.folder.read("cache/\(try #require(lab.files.first))")
    #expect(Data(file).range(of: Data("https://host/image\0".utf8)) != nil)
    #expect(Data(file).range(of: Data("50c4e7".utf8)) == nil)
    // The query may select another file.
    let other = CachedLocation(.web(url + "8"), origin: "")
    #expect(try lab.cache().latest(other) == nil)
  }

  @Test func whatWasAnnouncedIsFetchedAheadBehindWhatIsHere() throws {
    let lab = try CacheLab()
    let object = try #require(try lab.cache().object(length: 16 * Self.chunk))
    object.store(0..<8 * Self.chunk)
    var limits = RangeReader.Limits()
    limits.part = 4 * Self.chunk
    limits.ahead = 4 * Self.chunk
    let fetched = Mutex<[Range<UInt64>]>([])
    let reader = RangeReader(length: 16 * Self.chunk, cached: object, limits: limits) {
      (range) throws(StoreError) in
      fetched.withLock { $0.append(range) }
      return CacheLab.bytes(range)
    }
    defer { reader.close() }
    reader.willRead(inOrder: [0..<16 * Self.chunk])
    var found = [UInt8](repeating: 0, count: 10)
    _ = try found.withUnsafeMutableBytes { try reader.read($0, at: 8 * Self.chunk) }
    #expect(fetched.withLock { $0.contains(8 * Self.chunk..<12 * Self.chunk) })
  }

  /// Threads of two processes, as far as files show.
  @Test(arguments: 0..<4)
  func manyMayReadAndStoreAtTheSameTime(seed: Int) async throws {
    let lab = try CacheLab()
    let length = 6 * Self.chunk + 100
    let objects = try (0..<2).map { _ in try #require(try lab.cache().object(length: length)) }
    let wrong = await withTaskGroup(of: Int.self) { group in
      for thread in 0..<8 {
        group.addTask {
          let object = objects[thread % 2]
          var random = SeededGenerator(UInt64(seed * 100 + thread))
          var wrong = 0
          for _ in 0..<12 {
            let chunk = UInt64.random(in: object.chunks, using: &random)
            if Bool.random(using: &random) {
              object.store(object.place(of: chunk))
            } else if object.isRight(chunk) == false {
              wrong += 1
            }
          }
          return wrong
        }
      }
      return await group.reduce(0, +)
    }
    #expect(wrong == 0)
    objects[0].store(0..<length)
    #expect(objects[1].readable == Array(objects[1].chunks))
  }
}

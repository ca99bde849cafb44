import Foundation
import Posix
import TestSupport
import Testing

@testable import ObjectStore

/// Objects of a server, read through a cache.
@Suite struct CachedReadingTests {
  private static let server = Result { try FaultServer() }
  private static let chunk = CacheLab.chunk

  /// An object in a bucket of its own.
  private final class Lab {
    let server: FaultServer
    let cache: CacheLab
    let bucket = "b\(UInt32.random(in: .min ... .max))"
    let length: UInt64

    init(length: UInt64) throws {
      server = try CachedReadingTests.server.get()
      cache = try CacheLab()
      self.length = length
      try put(CacheLab.bytes(0..<length), as: "first")
    }

    /// Replaces the object.
    func put(_ bytes: [UInt8], as name: String) throws {
      try cache.folder.write(name, bytes)
      try server.put(bucket, "image", file: cache.folder.path(name))
    }

    /// Opens it as a new process does.
    func open(web query: String? = nil) throws -> RemoteObject {
      var options = StoreOptions()
      options.region = "us-east-1"
      options.endpoint = server.url
      options.signs = false
      let location =
        if let query { ObjectLocation.web("\(server.url)/\(bucket)/image?\(query)") } else {
          ObjectLocation.bucket(bucket, key: Array("image".utf8))
        }
      return try RemoteObject(
        location, in: Store(options, environment: .only([:])), cache: try cache.cache())
    }

    /// The ranges that were asked for since the last time.
    func asked() throws -> [String] {
      let all = try server.requests(bucket).map(\.range)
      defer { seen = all.count }
      return Array(all[seen...])
    }
    private var seen = 0
  }

  @Test(arguments: [1, 1000, 300_000, 700_000, 1_048_576, 3_000_000])
  func aSecondOpeningCostsOneRequest(length: UInt64) throws {
    let lab = try Lab(length: length)
    #expect(try lab.open().isRight(0..<length))
    #expect(try lab.asked().count >= 2)
    #expect(try lab.open().isRight(0..<length))
    #expect(try lab.asked() == ["bytes=0-0"])
  }

  /// An image's tables are at its ends; nothing else may have been read.
  @Test(arguments: [600_000, 1_048_577, 3_000_000])
  func theEndsAloneAreEnoughForASecondOpening(length: UInt64) throws {
    let lab = try Lab(length: length)
    for requests in [2, 1] {
      let object = try lab.open()
      #expect(try object.isRight(0..<524_288))
      #expect(try object.isRight(length - 524_288..<length))
      #expect(try lab.asked().count == requests)
    }
  }

  @Test func onlyWhatIsMissingIsFetched() throws {
    let lab = try Lab(length: 20 * Self.chunk)
    _ = try lab.open().bytes(6 * Self.chunk..<6 * Self.chunk + 10)
    _ = try lab.asked()
    let object = try lab.open()
    let range = 5 * Self.chunk + 3..<9 * Self.chunk
    #expect(try object.isRight(range))
    let asked = try lab.asked().dropFirst()
    #expect(!asked.isEmpty)
    for request in asked {
      let ends = request.dropFirst("bytes=".count).split(separator: "-").compactMap { UInt64($0) }
      #expect(!(ends[0]...ends[1]).contains(6 * Self.chunk), "\(request)")
      #expect(ends[0] % Self.chunk == 0)
    }
  }

  @Test func aReplacedObjectIsSeenAtTheNextOpening() throws {
    let lab = try Lab(length: 3_000_000)
    _ = try lab.open().bytes(0..<3_000_000)
    let other = [UInt8](repeating: 7, count: 2_000_000)
    try lab.put(other, as: "second")
    #expect(try lab.open().bytes(0..<2_000_000) == other)
    _ = try lab.asked()
    #expect(try lab.open().bytes(0..<2_000_000) == other)
    #expect(try lab.asked() == ["bytes=0-0"])
  }

  @Test func anOpenObjectKeepsItsVersionAsFarAsItIsHere() throws {
    let lab = try Lab(length: 24 * Self.chunk)
    _ = try lab.open().bytes(8 * Self.chunk..<8 * Self.chunk + 1)
    let object = try lab.open()
    try lab.put([UInt8](repeating: 7, count: Int(24 * Self.chunk)), as: "second")
    let ends = [0..<2 * Self.chunk, 22 * Self.chunk..<24 * Self.chunk]
    for range in ends + [8 * Self.chunk..<9 * Self.chunk] {
      #expect(try object.isRight(range))
    }
    #expect(throws: StoreError(.replaced, "was replaced while it was read; try again")) {
      try object.bytes(5 * Self.chunk..<6 * Self.chunk)
    }
    #expect(throws: StoreError.self) { try object.bytes(7 * Self.chunk..<9 * Self.chunk) }
    #expect(try object.isRight(8 * Self.chunk..<9 * Self.chunk))
  }

  @Test func aDamagedChunkIsFetchedAgain() throws {
    let lab = try Lab(length: 3_000_000)
    _ = try lab.open().bytes(0..<3_000_000)
    let file = "cache/\(try #require(lab.cache.files.first))"
    var bytes = try lab.cache.folder.read(file)
    for index in stride(from: 8192, to: bytes.count, by: 100_000) { bytes[index] ^= 1 }
    try lab.cache.folder.write(file, bytes)
    for isFirst in [true, false] {
      _ = try lab.asked()
      #expect(try lab.open().isRight(0..<3_000_000))
      #expect(try (lab.asked() == ["bytes=0-0"]) != isFirst)
    }
  }

  @Test func whatCannotBePinnedIsNotKept() throws {
    let lab = try Lab(length: 100_000)
    try lab.server.fail(lab.bucket, [#""fault": "weak-etag""#])
    for _ in 0..<2 {
      #expect(try lab.open().isRight(0..<100_000))
      #expect(try lab.asked().count == 2)
    }
    #expect(lab.cache.files == [])
  }

  @Test func whoMayNotReadTheObjectIsNotServedFromTheCache() throws {
    let lab = try Lab(length: 100_000)
    _ = try lab.open().bytes(0..<100_000)
    try lab.server.fail(lab.bucket, [#""fault": "status", "status": 403, "code": "AccessDenied""#])
    let error = #expect(throws: StoreError.self) { try lab.open() }
    #expect(error?.code == .denied)
  }

  @Test func queriesAreDifferentObjects() throws {
    let lab = try Lab(length: 100_000)
    for (query, count) in [("v=1", 2), ("v=2", 2), ("v=1", 1)] {
      #expect(try lab.open(web: query).isRight(0..<100_000))
      #expect(try lab.asked().count == count)
    }
  }

  @Test(arguments: 0..<4)
  func randomReadsGiveTheObjectsBytes(seed: Int) async throws {
    let lab = try Lab(length: 12 * Self.chunk + 12_345)
    try lab.server.fail(
      lab.bucket, [#""fault": "reset", "after": 100000, "start": 4, "times": 2"#])
    for round in 0..<3 {
      let object = try lab.open()
      let wrong = await withTaskGroup(of: Int.self) { group in
        for thread in 0..<4 {
          group.addTask {
            var random = SeededGenerator(UInt64(seed * 100 + round * 10 + thread))
            return (0..<20).count { _ in
              let start = UInt64.random(in: 0..<object.length, using: &random)
              let end = min(start + UInt64.random(in: 1...600_000, using: &random), object.length)
              return (try? object.isRight(start..<end)) != true
            }
          }
        }
        return await group.reduce(0, +)
      }
      #expect(wrong == 0)
    }
  }
}

extension RemoteObject {
  fileprivate func isRight(_ range: Range<UInt64>) throws(StoreError) -> Bool {
    CacheLab.isRight(try bytes(range), range)
  }

  fileprivate func bytes(_ range: Range<UInt64>) throws(StoreError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    var result: Result<Int, StoreError> = .success(0)
    bytes.withUnsafeMutableBytes { buffer in
      do throws(StoreError) { result = .success(try read(buffer, at: range.lowerBound)) } catch {
        result = .failure(error)
      }
    }
    return Array(bytes[..<(try result.get())])
  }
}

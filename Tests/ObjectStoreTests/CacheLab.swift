import Glibc
import Posix
import TestSupport

@testable import ObjectStore

/// A cache in a folder of its own, and objects of made-up bytes.
final class CacheLab: Sendable {
  static let chunk = CachedObject.chunkSize
  let folder: TemporaryFolder
  let path: HostPath

  init() throws {
    folder = try TemporaryFolder()
    path = HostPath(folder.path("cache"))
  }

  /// The cache as a process opens it.
  func cache(
    size: UInt64 = ObjectCache.standardSize, report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> ObjectCache {
    try ObjectCache(path, size: size, report: report)
  }

  /// The names of the objects' files.
  var files: [String] { folder.names(in: "cache").filter { $0 != "lock" } }

  /// The bytes that these files take on disk.
  var bytesOnDisk: UInt64 {
    files.reduce(0) {
      $0 + UInt64(stat(at: HostPath(folder.path("cache/\($1)")))?.st_blocks ?? 0) * 512
    }
  }

  /// The bytes of every object: no chunk is like another.
  static func bytes(_ range: Range<UInt64>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    while bytes.count < range.count {
      let place = Int((range.lowerBound + UInt64(bytes.count)) % UInt64(period.count))
      bytes += period[place..<min(place + range.count - bytes.count, period.count)]
    }
    return bytes
  }

  private static let period: [UInt8] = {
    var random = SeededGenerator(1)
    return (0..<100_003).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }()

  /// Whether bytes are those of an object. (`==` takes seconds without optimization.)
  static func isRight(_ bytes: [UInt8], _ range: Range<UInt64>) -> Bool {
    bytes.count == range.count && memcmp(bytes, Self.bytes(range), bytes.count) == 0
  }

  static func location(_ key: String = "image") -> CachedLocation {
    CachedLocation(.bucket("bucket", key: Array(key.utf8)), origin: "here")
  }
}

extension ObjectCache {
  /// What the cache has of an object.
  func object(_ key: String = "image", length: UInt64, etag: String = "\"1\"") -> CachedObject? {
    object(CacheLab.location(key), ObjectVersion(length: length, etag: etag))
  }
}

extension CachedObject {
  /// Stores what the object has there.
  func store(_ range: Range<UInt64>) { store(CacheLab.bytes(range), at: range.lowerBound) }

  /// The bytes that a chunk has.
  func place(of chunk: UInt64) -> Range<UInt64> {
    let start = chunk * Self.chunkSize
    return start..<min(start + Self.chunkSize, version.length)
  }

  /// Whether a chunk that can be read is the object's; `nil` if it is missing.
  func isRight(_ chunk: UInt64) -> Bool? {
    read(chunk).map { CacheLab.isRight($0, place(of: chunk)) }
  }

  var chunks: Range<UInt64> { 0..<(version.length + Self.chunkSize - 1) / Self.chunkSize }

  /// The chunks that are here, and right.
  var readable: [UInt64] { chunks.filter { isRight($0) == true } }

  /// The chunks that can be read, but are wrong; there must never be any.
  var wrong: [UInt64] { chunks.filter { isRight($0) == false } }
}

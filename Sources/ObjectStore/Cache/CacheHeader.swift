import CXXHash
import Posix

/// The first bytes of an object's file in a cache: which version of which object it holds.
///
/// Everything follows from these, so a file belongs to a version if and only if it begins with the
/// header made for it.
struct CacheHeader: Equatable {
  /// All of it, in bytes; the index follows.
  static let size = 4096
  let version: ObjectVersion
  let bytes: [UInt8]

  // At its start. Another format needs another number.
  private static let mark = Array("autosquash-cache 1\n".utf8)
  private static let lengthPlace = 24
  private static let digestPlace = 32
  private static let tagPlace = 64
  private static let shownPlace = 1088
  private static let shownLimit = 2048

  /// - Returns: `nil` for a version that a server cannot be asked for again, and for one that no file
  ///   could hold.
  init?(_ location: CachedLocation, _ version: ObjectVersion) {
    let tag = Array(version.etag.utf8)
    guard version.condition != nil, version.length > 0, version.length <= 1 << 60,
      tag.count < Self.shownPlace - Self.tagPlace, !tag.contains(0)
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: Self.size)
    bytes.put(Self.mark, at: 0)
    bytes.put(Self.encoded(version.length), at: Self.lengthPlace)
    bytes.put(location.digest, at: Self.digestPlace)
    bytes.put(tag, at: Self.tagPlace)
    bytes.put(Array(location.shown.prefix(Self.shownLimit)), at: Self.shownPlace)
    self.version = version
    self.bytes = bytes
  }

  /// Reads a header of some version of an object.
  ///
  /// - Returns: `nil` if it is anything else.
  init?(reading bytes: [UInt8], of location: CachedLocation) {
    guard bytes.count == Self.size,
      let tag = String(
        validating: bytes[Self.tagPlace..<Self.shownPlace].prefix { $0 != 0 }, as: UTF8.self)
    else { return nil }
    var length: UInt64 = 0
    for byte in bytes[Self.lengthPlace..<Self.lengthPlace + 8].reversed() {
      length = length << 8 | UInt64(byte)
    }
    self.init(location, ObjectVersion(length: length, etag: tag))
    guard bytes == self.bytes else { return nil }
  }

  /// The start of the names of all files for an object.
  static func prefix(of location: CachedLocation) -> [UInt8] {
    Array(location.digest.prefix(16)).hexadecimal + [UInt8(ascii: "-")]
  }

  /// The name of the file.
  func name(_ location: CachedLocation) -> [UInt8] {
    let version = SHA256.digest(of: Self.encoded(version.length) + Array(version.etag.utf8))
    return Self.prefix(of: location) + Array(version.prefix(16)).hexadecimal
  }

  /// Whether a file in a cache's folder is an object's.
  static func isName(_ name: [UInt8]) -> Bool {
    name.count == 65 && name[32] == UInt8(ascii: "-")
      && (name[..<32] + name[33...]).allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  /// Makes the checksums of this file unlike those of any other.
  var seed: UInt64 { bytes.withUnsafeBytes { cxxhash_xxh3($0.baseAddress, $0.count, 0) } }

  private static func encoded(_ number: UInt64) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}

extension [UInt8] {
  fileprivate mutating func put(_ bytes: [UInt8], at start: Int) {
    replaceSubrange(start..<start + bytes.count, with: bytes)
  }
}

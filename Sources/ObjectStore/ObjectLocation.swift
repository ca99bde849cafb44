import Posix

/// Where an object is: in a bucket, or at a URL.
package enum ObjectLocation: Equatable, Sendable {
  /// A key of any bytes; empty for the bucket itself.
  case bucket(String, key: [UInt8])
  /// A URL, with everything percent-encoded.
  case web(String)

  /// - Parameter text: `s3://BUCKET/KEY`, `https://…` or `http://…`.
  /// - Returns: `nil` for the name of a file.
  /// - Throws: `StoreError` with the code `invalid`.
  package init?(parsing text: [UInt8]) throws(StoreError) {
    if text.starts(with: "s3://".utf8) {
      let rest = text.dropFirst(5)
      let bucket = rest.prefix { $0 != UInt8(ascii: "/") }
      guard Self.isBucket(bucket) else {
        throw StoreError(
          .invalid,
          bucket.isEmpty ? "names no bucket; it is s3://BUCKET/KEY" : "no bucket can have this name"
        )
      }
      let key = Array(rest.dropFirst(bucket.count + 1))
      guard key.count <= 1024 else {
        throw StoreError(.invalid, "the key is longer than 1,024 bytes, the most that S3 takes")
      }
      self = .bucket(String(decoding: bucket, as: UTF8.self), key: key)
    } else if text.starts(with: "https://".utf8) || text.starts(with: "http://".utf8) {
      self = .web(try Self.encoded(text))
    } else {
      return nil
    }
  }

  /// Whether a name is that of an object rather than a file.
  package static func isRemote(_ text: [UInt8]) -> Bool {
    ["s3://", "https://", "http://"].contains { text.starts(with: $0.utf8) }
  }

  private static func isBucket(_ name: ArraySlice<UInt8>) -> Bool {
    // Old buckets may have names that new ones may not.
    (3...255).contains(name.count)
      && name.allSatisfy {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "-._".utf8.contains($0)
      } && !name.hasAdjacentDots
  }

  /// A URL as it is sent: a space or a letter outside ASCII is encoded, the rest is as typed.
  private static func encoded(_ text: [UInt8]) throws(StoreError) -> String {
    let afterScheme = text.drop { $0 != UInt8(ascii: "/") }.dropFirst(2)
    let host = afterScheme.prefix { !"/?#".utf8.contains($0) }
    guard !host.isEmpty else { throw StoreError(.invalid, "names no server") }
    guard !host.contains(UInt8(ascii: "@")) else {
      throw StoreError(
        .invalid, "a URL with a user name or a password is not taken: others can see it in ps")
    }
    var result: [UInt8] = []
    for byte in text.prefix(while: { $0 != UInt8(ascii: "#") }) {
      guard byte >= 0x20, byte != 0x7f else {
        throw StoreError(.invalid, "a URL has no control characters")
      }
      if byte == 0x20 || byte >= 0x80 || "\"<>\\^`{|}".utf8.contains(byte) {
        result += "%".utf8
        result += [byte >> 4, byte & 15].map { $0 < 10 ? $0 + 0x30 : $0 + 0x37 }
      } else {
        result.append(byte)
      }
    }
    guard result.count <= 16 << 10 else { throw StoreError(.invalid, "the URL is too long") }
    return String(decoding: result, as: UTF8.self)
  }
}

extension ArraySlice<UInt8> {
  /// Whether two dots follow each other.
  fileprivate var hasAdjacentDots: Bool {
    zip(self, dropFirst()).contains { $0 == UInt8(ascii: ".") && $1 == UInt8(ascii: ".") }
  }
}

import CLibArchive
import CNettle

/// The digests of a file in a specification; libarchive reads but does not check them.
struct EntryDigests {
  private struct Digest {
    let name: String
    let method: nettle_hash
    let expected: [UInt8]
    let context: UnsafeMutableRawBufferPointer
  }

  private final class Digests {
    var list: [Digest] = []
    deinit { for digest in list { digest.context.deallocate() } }
  }

  private let digests = Digests()

  private static var methods: [(name: String, type: Int32, method: nettle_hash)] {
    [
      ("MD5", ARCHIVE_ENTRY_DIGEST_MD5, nettle_md5),
      ("RIPEMD-160", ARCHIVE_ENTRY_DIGEST_RMD160, nettle_ripemd160),
      ("SHA-1", ARCHIVE_ENTRY_DIGEST_SHA1, nettle_sha1),
      ("SHA-256", ARCHIVE_ENTRY_DIGEST_SHA256, nettle_sha256),
      ("SHA-384", ARCHIVE_ENTRY_DIGEST_SHA384, nettle_sha384),
      ("SHA-512", ARCHIVE_ENTRY_DIGEST_SHA512, nettle_sha512),
    ]
  }

  /// The digests of an entry in a specification.
  init(_ entry: OpaquePointer) {
    for (name, type, method) in Self.methods {
      guard let bytes = archive_entry_digest(entry, type) else { continue }
      let expected = Array(UnsafeBufferPointer(start: bytes, count: Int(method.digest_size)))
      // Missing ones are zeros.
      guard expected.contains(where: { $0 != 0 }) else { continue }
      let context = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Int(method.context_size), alignment: 16)
      method.`init`(context.baseAddress)
      digests.list.append(
        Digest(name: name, method: method, expected: expected, context: context))
    }
  }

  func update(_ bytes: UnsafeRawBufferPointer) {
    for digest in digests.list {
      digest.method.update(
        digest.context.baseAddress, bytes.count,
        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// The name of a digest that does not match, at the end of the content.
  func wrong() -> String? {
    digests.list.first { digest in
      var found = [UInt8](repeating: 0, count: digest.expected.count)
      digest.method.digest(digest.context.baseAddress, found.count, &found)
      return found != digest.expected
    }?.name
  }
}

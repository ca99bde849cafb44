import CNettle
import HTTP
import Posix

/// What proves the body of a request, computed in one pass.
struct BodyDigests: Equatable, Sendable {
  /// For the signature.
  private(set) var sha256: [UInt8]
  /// For the header Content-MD5, and the ETag of what was stored.
  private(set) var md5: [UInt8]
  private(set) var crc64: CRC64NVME

  private static let chunk = 256 << 10

  /// - Throws: `StoreError` if a file cannot be read.
  init(of body: HTTPBody) throws(StoreError) {
    var sha256 = sha256_ctx()
    var md5 = md5_ctx()
    var crc64 = CRC64NVME()
    nettle_sha256_init(&sha256)
    nettle_md5_init(&md5)
    try Self.forEachChunk(of: body) { bytes in
      let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      nettle_sha256_update(&sha256, bytes.count, start)
      nettle_md5_update(&md5, bytes.count, start)
      crc64.append(bytes)
    }
    self.crc64 = crc64
    self.sha256 = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    self.md5 = [UInt8](repeating: 0, count: Int(MD5_DIGEST_SIZE))
    nettle_sha256_digest(&sha256, self.sha256.count, &self.sha256)
    nettle_md5_digest(&md5, self.md5.count, &self.md5)
  }

  /// The SHA-256 alone.
  ///
  /// - Throws: `StoreError` if a file cannot be read.
  static func sha256(of body: HTTPBody) throws(StoreError) -> [UInt8] {
    var context = sha256_ctx()
    nettle_sha256_init(&context)
    try forEachChunk(of: body) { bytes in
      nettle_sha256_update(
        &context, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    nettle_sha256_digest(&context, digest.count, &digest)
    return digest
  }

  private static func forEachChunk(
    of body: HTTPBody, _ take: (UnsafeRawBufferPointer) -> Void
  ) throws(StoreError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(chunk, max(1, body.count)), alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while offset < body.count {
      let count: Int
      do throws(SystemError) { count = try body.read(buffer, at: offset) } catch {
        throw StoreError(.invalid, "what is sent cannot be read: \(error)")
      }
      take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
  }
}

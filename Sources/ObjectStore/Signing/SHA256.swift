import CNettle

/// SHA-256 of short byte strings, plain and with a key.
enum SHA256 {
  private static let size = Int(SHA256_DIGEST_SIZE)

  static func digest(of bytes: [UInt8]) -> [UInt8] {
    var context = sha256_ctx()
    nettle_sha256_init(&context)
    nettle_sha256_update(&context, bytes.count, bytes)
    var digest = [UInt8](repeating: 0, count: size)
    nettle_sha256_digest(&context, size, &digest)
    return digest
  }

  /// HMAC-SHA256 (RFC 2104).
  static func authentication(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    var context = hmac_sha256_ctx()
    nettle_hmac_sha256_set_key(&context, key.count, key)
    nettle_hmac_sha256_update(&context, message.count, message)
    var digest = [UInt8](repeating: 0, count: size)
    nettle_hmac_sha256_digest(&context, size, &digest)
    return digest
  }
}

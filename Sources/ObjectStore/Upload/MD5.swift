import CNettle

/// MD5 of a short byte string.
enum MD5 {
  static func digest(of bytes: [UInt8]) -> [UInt8] {
    var context = md5_ctx()
    nettle_md5_init(&context)
    nettle_md5_update(&context, bytes.count, bytes)
    var digest = [UInt8](repeating: 0, count: Int(MD5_DIGEST_SIZE))
    nettle_md5_digest(&context, digest.count, &digest)
    return digest
  }
}

import CNettle

/// The SHA-256 of a block or of a file's end: stands for it where its bytes are away.
struct BlockDigest: Equatable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  /// Of a block that is not compressed yet.
  static let unknown = BlockDigest()

  private init() {}

  init(_ bytes: UnsafeRawBufferPointer) {
    var context = sha256_ctx()
    nettle_sha256_init(&context)
    if let base = bytes.baseAddress {
      nettle_sha256_update(&context, bytes.count, base.assumingMemoryBound(to: UInt8.self))
    }
    withUnsafeMutableBytes(of: &words) {
      nettle_sha256_digest(
        &context, $0.count, $0.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
  }

  static func == (first: BlockDigest, second: BlockDigest) -> Bool { first.words == second.words }
}

import CXXHash
import Glibc

/// Hashes to find possibly equal blocks; bytes are always compared before sharing.
package enum BlockHash {
  /// Another one in each run, so that nobody can make archives whose blocks all have one hash.
  private static let seed = UInt64.random(in: 0...UInt64.max)

  package static func hash(_ block: UnsafeRawBufferPointer) -> UInt64 {
    cxxhash_xxh3(block.baseAddress, block.count, seed)
  }

  /// Whether all bytes are zero.
  static func isZero(_ block: UnsafeRawBufferPointer) -> Bool {
    guard let base = block.baseAddress, block.count > 0 else { return true }
    // Each byte equals the one before it, and the first is zero.
    return block[0] == 0 && memcmp(base, base + 1, block.count - 1) == 0
  }

  static func areEqual(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Bool {
    first.count == second.count
      && (first.count == 0 || memcmp(first.baseAddress!, second.baseAddress!, first.count) == 0)
  }
}

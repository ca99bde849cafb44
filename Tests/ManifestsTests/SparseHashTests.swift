import FileTrees
import TestSupport
import Testing

@testable import Manifests

/// The hash that comparisons use in place of SHA-256.
@Suite struct SparseHashTests {
  /// However a content arrives, in pieces, with holes or zeros: equal contents have equal hashes,
  /// different ones do not.
  @Test(arguments: 1...10 as ClosedRange<UInt64>) func tellsContentsApart(seed: UInt64) {
    var random = SeededGenerator(seed)
    var contents: [[UInt8]] = []
    for _ in 0..<8 {
      // Of few different pages, in few different orders.
      var content: [UInt8] = []
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let isZero = Bool.random(using: &random)
        let count = [1, 4095, 4096, 4097, 8192, 12_288].randomElement(using: &random)!
        content += [UInt8](repeating: isZero ? 0 : 7, count: count)
      }
      contents.append(content)
    }
    let hashes = contents.map { hash($0, &random) }
    for (content, digest) in zip(contents, hashes) {
      #expect(hash(content, &random) == digest)
      for (other, otherDigest) in zip(contents, hashes) {
        #expect((content == other) == (digest == otherDigest), "seed \(seed)")
      }
    }
  }

  private func hash(_ content: [UInt8], _ random: inout SeededGenerator) -> SHA256.Digest {
    var hash = SparseHash()
    var rest = content[...]
    while !rest.isEmpty {
      var piece = rest.prefix(Int.random(in: 1...9000, using: &random))
      if piece.first == 0, Bool.random(using: &random) {
        piece = piece.prefix { $0 == 0 }
        hash.update(zeros: UInt64(piece.count))
      } else {
        piece.withUnsafeBytes { hash.update($0) }
      }
      rest = rest.dropFirst(piece.count)
    }
    return hash.finish(size: UInt64(content.count))
  }
}

import TestSupport
import Testing

@testable import SquashFS

@Suite struct BlockDigestListTests {
  /// Files of many blocks come and go, at the borders of pieces above all.
  @Test(arguments: 1...4 as ClosedRange<UInt64>) func isLikeAnArray(seed: UInt64) {
    var random = SeededGenerator(seed)
    var list = BlockDigestList()
    var array: [BlockDigest] = []
    func digest(_ number: Int) -> BlockDigest {
      withUnsafeBytes(of: number) { BlockDigest($0) }
    }
    for _ in 0..<60 {
      for _ in 0..<Int.random(in: 0...6000, using: &random) {
        array.append(digest(array.count))
        list.append(digest(list.count))
      }
      let border = array.count / 32_768 * 32_768
      if Int.random(in: 0..<4, using: &random) == 0 {
        let anywhere = Int.random(in: 0...array.count, using: &random)
        let left = Bool.random(using: &random) ? border : anywhere
        array.removeSubrange(left...)
        list.truncate(to: left)
      }
      if let last = array.indices.last {
        array[last] = .unknown
        list[last] = .unknown
      }
      #expect(list.count == array.count)
      let places = [0, border - 1, border, array.count - 1].filter(array.indices.contains)
      #expect(places.allSatisfy { list[$0] == array[$0] })
    }
    #expect(array.indices.allSatisfy { list[$0] == array[$0] })
  }
}

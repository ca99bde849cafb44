import Testing

@testable import SquashFS

/// The requests of s3fs 1.90, as seen by a server.
@Suite struct BucketReadsTests {
  private static let part: UInt64 = 5 << 20

  private func reads(
    _ ranges: [Range<UInt64>], length: UInt64, parallel: UInt64 = 1
  ) -> AccessCost {
    let model = BucketModel(
      partSize: Self.part, parallelParts: parallel, latency: 1, rate: Double(Self.part))
    var reads = BucketReads(model, length: length)
    for range in ranges { reads.read(range) }
    return reads.cost
  }

  /// The mount of an image by mksquashfs, and one file: six requests.
  @Test func aMountAndAFile() {
    let length: UInt64 = 21_676_032
    let cost = reads(
      [
        0..<96, 21_672_210..<21_672_218, 21_670_512..<21_670_520, 21_655_000..<21_655_200,
        21_643_144..<21_645_000, 100..<5000, 9_555_970..<9_600_000, 9_556_000..<9_700_000,
      ], length: length)
    #expect(cost.requests == 6 && cost.waves == 6)
    let tail = (length - 21_643_144 / 4096 * 4096)
    #expect(cost.bytes == 2 * Self.part + tail)
  }

  @Test func partsAreFetchedSideBySide() {
    let two = reads([0..<1], length: 100 << 20, parallel: 2)
    #expect(two.requests == 2 && two.waves == 1 && two.bytes == 2 * Self.part)
    #expect(two.seconds == 3)
    // Nine and a half parts, in two waves of five.
    let large = reads([0..<(Self.part * 19 / 2)], length: 100 << 20, parallel: 5)
    #expect(large.requests == 10 && large.waves == 2)
    // Less than two parts come in one piece.
    let small = reads([0..<1], length: 2 * Self.part - 4096, parallel: 2)
    #expect(small.requests == 1 && small.bytes == 2 * Self.part - 4096)
  }

  @Test func whatIsThereIsNotFetchedAgain() {
    let length: UInt64 = 100 << 20
    let once = reads([50 << 20..<51 << 20], length: length)
    #expect(reads([50 << 20..<51 << 20, 52 << 20..<53 << 20], length: length) == once)
    // From before the cached range: up to it, and on after it.
    let around = reads(
      [50 << 20..<51 << 20, 48 << 20..<49 << 20, 48 << 20..<55 << 20], length: length)
    #expect(around.requests == 2 && around.bytes == 7 << 20)
  }

  @Test func endsAreHarmless() {
    #expect(reads([0..<0, 4096..<8192], length: 0) == AccessCost())
    #expect(reads([UInt64.max - 1..<UInt64.max], length: 4096) == AccessCost())
    #expect(reads([0..<UInt64.max - 4095], length: 4096).bytes == 4096)
    let model = BucketModel(partSize: .max, parallelParts: .max, latency: 0, rate: 1)
    var reads = BucketReads(model, length: 8192)
    reads.read(0..<1)
    #expect(reads.cost.bytes == 8192)
  }
}

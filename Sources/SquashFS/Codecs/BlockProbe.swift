internal import CLZ4
internal import Glibc

/// A cheap look at a block before a slow codec runs: blocks of .gz, .bam, .cram or JPEG data do
/// not shrink, and trying costs as much time as for blocks that do.
///
/// Two questions, the second asked only if the first says "random": are all byte values about
/// equally frequent, and does the fast LZ4 coder find repetitions?
final class BlockProbe {
  private let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: 4 * 256)
  private let state = UnsafeMutableRawPointer.allocate(
    byteCount: Int(LZ4_sizeofState()), alignment: 16)
  private let scratch: UnsafeMutableRawBufferPointer

  /// Bytes that hold less entropy than this, in bits, are worth compressing for it alone.
  static let randomEntropy = 7.98
  /// Smaller blocks are not judged: their histograms say little.
  static let smallest = 4096

  init(blockSize: Int) {
    scratch = .allocate(byteCount: blockSize, alignment: 16)
  }

  deinit {
    counts.deallocate()
    state.deallocate()
    scratch.deallocate()
  }

  /// Whether compressing the block would be a waste of time.
  func isIncompressible(_ block: UnsafeRawBufferPointer) -> Bool {
    guard block.count >= Self.smallest, entropy(of: block) >= Self.randomEntropy else {
      return false
    }
    // Repetitions make even LZ4 come out below the block's own size.
    let written = LZ4_compress_fast_extState(
      state, block.baseAddress!.assumingMemoryBound(to: CChar.self),
      scratch.baseAddress!.assumingMemoryBound(to: CChar.self), Int32(block.count),
      Int32(block.count - 1), 1)
    return written <= 0
  }

  /// The order-0 entropy in bits per byte.
  private func entropy(of block: UnsafeRawBufferPointer) -> Double {
    counts.update(repeating: 0, count: 4 * 256)
    // Four histograms: one alone waits for its own counters when a byte repeats.
    var index = 0
    let base = block.baseAddress!
    while index + 8 <= block.count {
      let word = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      counts[Int(word & 0xff)] &+= 1
      counts[256 + Int(word >> 8 & 0xff)] &+= 1
      counts[512 + Int(word >> 16 & 0xff)] &+= 1
      counts[768 + Int(word >> 24 & 0xff)] &+= 1
      counts[Int(word >> 32 & 0xff)] &+= 1
      counts[256 + Int(word >> 40 & 0xff)] &+= 1
      counts[512 + Int(word >> 48 & 0xff)] &+= 1
      counts[768 + Int(word >> 56 & 0xff)] &+= 1
      index += 8
    }
    let total = Double(index)
    var sum = 0.0
    for value in 0..<256 {
      let count = counts[value] &+ counts[256 + value] &+ counts[512 + value] &+ counts[768 + value]
      if count > 0 { sum += Double(count) * log2(Double(count)) }
    }
    return log2(total) - sum / total
  }
}

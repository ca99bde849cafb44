import CLZ4
import Glibc
import SquashFSFormat

/// What a block looks like, where a codec can use it.
struct BlockShape: Equatable {
  /// The order-0 entropy in bits per byte: 8 for random bytes, about 5 for text, below 4 for tables
  /// of numbers.
  var entropy = 8.0
  /// By how many bits the entropy falls if each of the four positions in a word is taken by itself.
  var wordGain = 0.0
  /// Whether it is compressed or encrypted data, which does not shrink.
  var isIncompressible = false
  /// The filter for the machine code in it.
  var filter: CodeFilter?
  /// The records in a block of metadata.
  var records: Records?

  /// The records of the format's own tables.
  enum Records {
    case numbers, entries, other
  }

  /// Nothing is known about it.
  static let unknown = BlockShape()
  /// Numbers of four or eight bytes, side by side.
  static let words = BlockShape(records: .numbers)
  /// Names between numbers of two bytes, as in directories.
  static let entries = BlockShape(records: .entries)
  /// Other metadata.
  static let metadata = BlockShape(records: .other)
}

/// Determines the shape of blocks in about a hundredth of the time that xz takes.
///
/// Blocks of .gz, .bam, .cram or JPEG data do not shrink, and trying takes as long as for blocks
/// that do. Two questions find them, the second asked only if the first suggests random data:
/// are all byte values about equally frequent, and does the fast LZ4 coder find repetitions?
final class BlockProbe {
  private let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: 4 * 256)
  private let state = UnsafeMutableRawPointer.allocate(
    byteCount: Int(LZ4_sizeofState()), alignment: 16)
  private let scratch: UnsafeMutableRawBufferPointer
  /// `nil` if there are no filters to choose from.
  private let branches: BranchProbe?

  /// Bytes with less entropy than this, in bits, are worth compressing for that alone.
  static let randomEntropy = 7.98
  /// Smaller blocks are not judged: their histograms say little.
  static let smallest = 4096

  /// - Parameters:
  ///   - blockSize: the size of the largest block, in bytes.
  ///   - filters: the filters that blocks of machine code may get.
  init(blockSize: Int, filters: CodeFilters) {
    scratch = .allocate(byteCount: blockSize, alignment: 16)
    branches = filters.isEmpty ? nil : BranchProbe(filters)
  }

  deinit {
    counts.deallocate()
    state.deallocate()
    scratch.deallocate()
  }

  func shape(of block: UnsafeRawBufferPointer) -> BlockShape {
    guard block.count >= Self.smallest else { return .unknown }
    count(block)
    let (entropy, byPosition) = entropies()
    var shape = BlockShape(entropy: entropy, wordGain: entropy - byPosition)
    shape.isIncompressible = entropy >= Self.randomEntropy && !hasRepetitions(block)
    if !shape.isIncompressible { shape.filter = filter(for: block) }
    return shape
  }

  /// The filter for the machine code in a block.
  func filter(for block: UnsafeRawBufferPointer) -> CodeFilter? {
    block.count >= Self.smallest ? branches?.filter(for: block) : nil
  }

  /// Whether LZ4's fast coder can shrink the block.
  private func hasRepetitions(_ block: UnsafeRawBufferPointer) -> Bool {
    LZ4_compress_fast_extState(
      state, block.baseAddress!.assumingMemoryBound(to: CChar.self),
      scratch.baseAddress!.assumingMemoryBound(to: CChar.self), Int32(block.count),
      Int32(block.count - 1), 1) > 0
  }

  /// Counts the byte values separately for each position in a word of four bytes.
  private func count(_ block: UnsafeRawBufferPointer) {
    counts.update(repeating: 0, count: 4 * 256)
    let base = block.baseAddress!
    var offset = 0
    while offset + 8 <= block.count {
      let word = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      counts[Int(word & 0xff)] &+= 1
      counts[256 + Int(word >> 8 & 0xff)] &+= 1
      counts[512 + Int(word >> 16 & 0xff)] &+= 1
      counts[768 + Int(word >> 24 & 0xff)] &+= 1
      counts[Int(word >> 32 & 0xff)] &+= 1
      counts[256 + Int(word >> 40 & 0xff)] &+= 1
      counts[512 + Int(word >> 48 & 0xff)] &+= 1
      counts[768 + Int(word >> 56 & 0xff)] &+= 1
      offset += 8
    }
  }

  /// Order-0 entropies in bits per byte: of all bytes, and the mean over the four positions.
  private func entropies() -> (all: Double, byPosition: Double) {
    var all = 0.0
    var apart = 0.0
    var total = 0.0
    for value in 0..<256 {
      var sum = 0.0
      for position in 0..<4 {
        let count = Double(counts[position * 256 + value])
        if count > 0 { apart += count * log2(count) }
        sum += count
      }
      if sum > 0 { all += sum * log2(sum) }
      total += sum
    }
    return (log2(total) - all / total, log2(total / 4) - apart / total)
  }
}

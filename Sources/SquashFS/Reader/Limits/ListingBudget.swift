import Posix
import SquashFSFormat

/// Makes sure that a walk through directories ends, although these could share their listings
/// without limit: all entries together must not exceed the unpacked size of the metadata blocks
/// they are in.
///
/// Blocks that overlap others, and those never read from, do not count: many of them leave room for
/// nothing.
package struct ListingBudget {
  private var taken: UInt64 = 0
  private var room: UInt64 = UInt64(MetadataBlock.byteCount)
  private var block = UInt64.max
  /// The parts of the table in blocks counted so far, one bit per `grain` bytes.
  private var counted: [UInt64] = []
  private let grain: UInt64

  /// Limits a bitmap to 4 MiB.
  private static let mostGrains: UInt64 = 1 << 25

  package init(_ image: Image) {
    let size = image.directories.range.upperBound - image.directories.range.lowerBound
    grain = size / Self.mostGrains + 1
  }

  /// Counts the entry a cursor read last.
  ///
  /// - Throws: `ImageReadError` if there are more entries than allowed.
  package mutating func take(_ cursor: DirectoryCursor) throws(ImageReadError) {
    let entry = cursor.latest
    if entry.block.lowerBound != block {
      block = entry.block.lowerBound
      if cover(entry.block) { room += UInt64(entry.blockSize) }
    }
    taken += UInt64(entry.byteCount)
    guard taken <= room else {
      throw .damaged(at: cursor.fileOffset, "directories share their listings")
    }
  }

  /// - Returns: whether none of the range was covered before.
  private mutating func cover(_ range: Range<UInt64>) -> Bool {
    // Grains at the ends may belong to two blocks.
    let first = (range.lowerBound + grain - 1) / grain
    let end = max(first, range.upperBound / grain)
    let words = Int(end / 64) + 1
    if counted.count < words {
      counted += [UInt64](repeating: 0, count: max(words, 2 * counted.count) - counted.count)
    }
    var isNew = first < end
    var grain = first
    while grain < end {
      let count = min(64 - grain % 64, end - grain)
      let ones: UInt64 = count == 64 ? .max : (1 << count) - 1
      let mask = ones << (grain % 64)
      if counted[Int(grain / 64)] & mask != 0 { isNew = false }
      counted[Int(grain / 64)] |= mask
      grain += count
    }
    return isNew
  }
}

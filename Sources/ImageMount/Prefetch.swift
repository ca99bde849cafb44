import Posix
package import SquashFS
import SquashFSFormat

/// What to fetch of a distant image before anybody asks for it.
package enum Prefetch: String, CaseIterable, Sendable {
  /// The data of the access order with which the image was packed.
  case order
  /// Everything.
  case all
  case none

  /// The most bytes of tables; beyond that, most readers want only a part.
  private static let mostTables: UInt64 = 16 << 20
  private static let step = 256 << 10

  /// Has it fetched, in the background.
  ///
  /// - Parameters:
  ///   - input: the image's.
  ///   - keepsAll: whether whatever is fetched is kept; otherwise only `limit` bytes are.
  package func start(_ image: Image, keepsAll: Bool, limit: UInt64) {
    guard image.input.wantsHints else { return }
    var ranges = Self.tables(of: image)
    switch self {
    case .none: break
    case .order: if let mark = image.orderMark { ranges.append(mark.data) }
    case .all:
      if let mark = image.orderMark { ranges.append(mark.data) }
      ranges.append(0..<image.superblock.bytesUsed)
    }
    image.input.willRead(inOrder: ranges)
    let total = ranges.reduce(0) { $0 + UInt64($1.count) }
    guard total > limit, keepsAll else { return }
    // Fetching goes on only as far as somebody reads.
    let (input, wanted) = (image.input, ranges)
    try? WorkerThread { Self.read(wanted, of: input) }.detach()
  }

  private static func tables(of image: Image) -> [Range<UInt64>] {
    var left = mostTables
    return image.metadataRanges.compactMap { range in
      let count = min(UInt64(range.count), left)
      left -= count
      return count > 0 ? range.lowerBound..<range.lowerBound + count : nil
    }
  }

  private static func read(_ ranges: [Range<UInt64>], of input: ImageInput) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 64)
    defer { buffer.deallocate() }
    for range in ranges {
      var offset = range.lowerBound
      while offset < range.upperBound {
        let count = min(UInt64(step), range.upperBound - offset)
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(count)])
        // Who needs it will see the error.
        guard (try? input.read(part, at: offset)) != nil else { return }
        offset += count
      }
    }
  }
}

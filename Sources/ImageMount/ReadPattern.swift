/// How a file is read, as far as the requests for it show, and what to read ahead therefore.
struct ReadPattern: Sendable {
  /// Where the latest read in sequence ended.
  private var end: UInt64 = 0
  /// Up to where everything was asked for ahead.
  private(set) var aheadEnd: UInt64 = 0
  private var window: UInt64 = 0

  /// Requests of one reader may overtake each other by as much.
  private static let reordering: UInt64 = 256 << 10

  /// Notes a read.
  ///
  /// - Parameters:
  ///   - smallest: the first window in bytes: a block.
  ///   - largest: the largest window in bytes.
  /// - Returns: what to read ahead, `nil` if nothing new.
  mutating func note(
    _ range: Range<UInt64>, smallest: UInt64, largest: UInt64, size: UInt64
  ) -> Range<UInt64>? {
    let isSequence =
      range.lowerBound <= end + Self.reordering && range.upperBound + Self.reordering >= end
    guard isSequence else {
      self = ReadPattern()
      end = range.upperBound
      return nil
    }
    end = max(end, range.upperBound)
    window = window == 0 ? smallest : min(window * 2, largest)
    let start = max(aheadEnd, end)
    let target = min(size, end + window)
    guard start < target else { return nil }
    aheadEnd = target
    return start..<target
  }
}

/// What a reader has announced, and how far it and the requests for it have got.
struct ReadPlan {
  /// Of whole units, except at the object's end.
  private let ranges: [Range<UInt64>]
  /// The first range that is not requested to its end, and where the rest of it begins.
  private var index = 0
  private var position: UInt64
  /// Bytes from the beginning of the plan.
  private var requested: UInt64 = 0
  private var read: UInt64 = 0

  /// - Returns: `nil` if there is nothing in the ranges.
  init?(_ ranges: [Range<UInt64>], unit: UInt64, length: UInt64) {
    self.ranges = ranges.compactMap { range in
      let range = range.clamped(to: 0..<length)
      guard !range.isEmpty else { return nil }
      let start = range.lowerBound / unit * unit
      let end = (range.upperBound + unit - 1) / unit * unit
      return start..<min(end, length)
    }
    guard let first = self.ranges.first else { return nil }
    position = first.lowerBound
  }

  /// Notes that the reader has come to the part that ends after so many bytes of the plan.
  mutating func note(read bytes: UInt64) { read = max(read, bytes) }

  /// What to request next, if it is not too far ahead of the reader, and the number of bytes of the
  /// plan up to its end.
  mutating func next(
    _ limits: RangeReader.Limits
  ) -> (range: Range<UInt64>, planned: UInt64)? {
    guard index < ranges.count, requested < read + limits.ahead else { return nil }
    // Small at first, so that the reader has something to do soon.
    let most = min(max(4 * limits.unit, requested / 8 / limits.unit * limits.unit), limits.part)
    let range = position..<position + min(most, ranges[index].upperBound - position)
    requested += UInt64(range.count)
    position = range.upperBound
    if position == ranges[index].upperBound {
      index += 1
      if index < ranges.count { position = ranges[index].lowerBound }
    }
    return (range, requested)
  }
}

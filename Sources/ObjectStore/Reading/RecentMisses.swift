/// How many reads had to wait lately. A single look-up wants little more than it asks for; who has
/// waited often will soon want what lies around.
struct RecentMisses {
  private var count = 0
  /// The time of the latest one, in seconds.
  private var latest = 0.0

  /// Notes one; half of those before are forgotten every second.
  ///
  /// - Returns: their number, this one included.
  mutating func note(now: Double) -> Int {
    let seconds = Int(min(max(0, now - latest), 60))
    count = seconds < 60 ? count >> seconds : 0
    if seconds > 0 || latest == 0 { latest = now }
    count = min(count + 1, 1000)
    return count
  }

  /// The range to fetch around a miss.
  ///
  /// - Parameters:
  ///   - misses: the number of recent ones.
  ///   - most: the longest range in bytes.
  /// - Returns: `nil` for not more than is asked for.
  static func range(
    around offset: UInt64, misses: Int, unit: UInt64, most: UInt64, length: UInt64
  ) -> Range<UInt64>? {
    guard misses > 2, most > unit else { return nil }
    let window = min(unit << UInt64(min(misses - 2, 16)), most)
    let start = offset / window * window
    return start..<min(start + window, length)
  }
}

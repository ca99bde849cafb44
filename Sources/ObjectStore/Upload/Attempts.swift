import Glibc

/// Counts tries, and waits between them.
struct Attempts {
  private let limit: Int
  private var failures = 0
  private let firstDelay: Int

  /// For requests that are sent once for each try: they go on for half a minute.
  static let ofSingleRequests = 7
  /// For requests that `RetryingClient` sends for half a minute for each try.
  static let ofRepeatedRequests = 3

  /// - Parameter firstDelay: milliseconds before the second try.
  init(_ limit: Int, firstDelay: Int) {
    self.limit = limit
    self.firstDelay = firstDelay
  }

  /// Waits before another try.
  ///
  /// - Returns: whether there is one; not after the last, and not if it is no longer wanted.
  mutating func again(unless isStopped: () -> Bool) -> Bool {
    failures += 1
    guard failures < limit else { return false }
    var left = firstDelay << (failures - 1)
    while left > 0, !isStopped() {
      let pause = min(left, 100)
      usleep(useconds_t(pause * 1_000))
      left -= pause
    }
    return !isStopped()
  }
}

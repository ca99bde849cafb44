import Glibc

/// Counts tries, and waits between them.
struct Attempts {
  static let limit = 5

  private var failures = 0
  private let firstDelay: Int

  /// - Parameter firstDelay: milliseconds before the second try.
  init(firstDelay: Int) { self.firstDelay = firstDelay }

  /// Waits before another try.
  ///
  /// - Returns: whether there is one; not after the last, and not if it is no longer wanted.
  mutating func again(unless isStopped: () -> Bool) -> Bool {
    failures += 1
    guard failures < Self.limit else { return false }
    var left = firstDelay << (failures - 1)
    while left > 0, !isStopped() {
      let pause = min(left, 100)
      usleep(useconds_t(pause * 1_000))
      left -= pause
    }
    return !isStopped()
  }
}

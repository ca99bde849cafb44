/// Keeps paths from filling the memory of a caller that stores them: real trees have few long ones,
/// and finding a long one takes long.
struct PathBudget {
  private var taken = 0

  /// Counts a path of `count` bytes.
  ///
  /// - Returns: whether the budget allows it.
  mutating func take(_ count: Int) -> Bool {
    taken += max(0, count - EffortBudget.averagePath)
    return taken <= EffortBudget.mostPathBytes
  }
}

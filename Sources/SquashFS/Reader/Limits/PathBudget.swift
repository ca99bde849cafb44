/// Makes sure that paths do not fill the memory of whoever keeps them: real trees have few long ones,
/// and to find a long one takes long.
struct PathBudget {
  private var taken = 0

  /// Counts a path of so many bytes.
  ///
  /// - Returns: whether there was room for it.
  mutating func take(_ count: Int) -> Bool {
    taken += max(0, count - EffortBudget.averagePath)
    return taken <= EffortBudget.mostPathBytes
  }
}

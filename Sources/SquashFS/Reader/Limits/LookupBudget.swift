/// Limits the time for finding the paths that an image asks for.
struct LookupBudget {
  /// The most entries to look at.
  var most = EffortBudget.mostLookups
  private var taken = 0

  /// Counts an entry.
  ///
  /// - Returns: whether the budget allows it.
  mutating func take() -> Bool {
    taken += 1
    return taken <= most
  }

  /// Starts over, for a path that a user asks for.
  mutating func refill() { taken = 0 }
}

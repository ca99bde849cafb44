/// Makes sure that it does not take for ever to find the paths that an image asks for.
struct LookupBudget {
  /// The number of entries that may be looked at.
  var most = EffortBudget.mostLookups
  private var taken = 0

  /// Counts an entry.
  ///
  /// - Returns: whether it may be looked at.
  mutating func take() -> Bool {
    taken += 1
    return taken <= most
  }

  /// Begins anew, for a path that a user asks for.
  mutating func refill() { taken = 0 }
}

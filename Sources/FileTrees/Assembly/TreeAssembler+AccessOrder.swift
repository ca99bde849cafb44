import Posix

extension TreeAssembler {
  /// The position of the current entry in the access order, marked as used.
  func rankOfEntry() -> UInt32? {
    let rank = findRank()
    if let rank { notes.usedRanks.insert(rank) }
    return rank
  }

  private func findRank() -> UInt32? {
    guard !options.order.isEmpty, let names = place(path), !names.isEmpty else { return nil }
    func rank(_ names: ArraySlice<Range<Int>>) -> UInt32? {
      guard let first = names.first, let last = names.last else { return nil }
      var placed = options.selection.prefix.joinedPath
      if !placed.isEmpty { placed.append(pathSeparator) }
      return options.order.rank(of: placed + path.bytes[first.lowerBound..<last.upperBound])
    }
    if let rank = rank(names) { return rank }
    // The single top directory is known only at the end.
    return keepsTop && !top.isRuledOut ? rank(names.dropFirst()) : nil
  }
}

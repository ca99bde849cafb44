import Posix
import TreeModel

/// What is known about the current entry by its path in the image.
extension TreeAssembler {
  /// The position in the access order, marked as used.
  func rankOfEntry() -> UInt32? {
    guard !options.order.isEmpty else { return nil }
    let rank =
      options.order.rank(of: placedPath(losesTop: false))
      ?? options.order.rank(of: placedPath(losesTop: true))
    if let rank { notes.usedRanks.insert(rank) }
    return rank
  }

  /// The old image's file of the same path.
  func oldFileOfEntry() -> OldFile? {
    guard let findOld else { return nil }
    func find(losesTop: Bool) -> OldFile? {
      let path = placedPath(losesTop: losesTop)
      return path.isEmpty ? nil : findOld(path)
    }
    if let file = find(losesTop: oldLosesTop) { return file }
    guard let file = find(losesTop: !oldLosesTop) else { return nil }
    oldLosesTop.toggle()
    return file
  }

  /// The current entry's path in the image; empty if it has none.
  ///
  /// - Parameter losesTop: whether without the single top directory, if only the source's end can
  ///   tell that it becomes the root; there is no such path if that is certain.
  private func placedPath(losesTop: Bool) -> ArraySlice<UInt8> {
    placed.removeAll(keepingCapacity: true)
    guard var names = place(path) else { return [] }
    if losesTop {
      guard keepsTop, !top.isRuledOut else { return [] }
      names = names.dropFirst()
    }
    guard let first = names.first, let last = names.last else { return [] }
    for name in options.selection.prefix {
      placed += name
      placed.append(pathSeparator)
    }
    placed += path.bytes[first.lowerBound..<last.upperBound]
    return placed[...]
  }
}

import Posix
import TreeModel

/// Decides which entries are packed, and where. Patterns start at the image's root; for an archive
/// that may be its single top directory, which is certain only at the archive's end.
extension TreeAssembler {
  /// The decision about an entry.
  enum Choice {
    /// Takes it; these components are its place.
    case takes(ArraySlice<Range<Int>>, isIncluded: Bool)
    /// - Parameter leadsOn: whether entries below may be wanted.
    case leavesOut(leadsOn: Bool)
  }

  private enum Placement {
    /// On the way to the selected part.
    case above
    /// Outside; `end` is the end of the topmost directory that is.
    case outside(end: Int)
    /// In the image, from this component on.
    case inside(start: Int)
  }

  /// What the patterns decide about an entry.
  private struct Verdict {
    var exclusion: Selection.Exclusion?
    var isIncluded = true

    func isOutcome(of other: Verdict) -> Bool {
      guard exclusion == nil && other.exclusion == nil else {
        return exclusion != nil && other.exclusion != nil
      }
      return isIncluded == other.isIncluded
    }
  }

  /// Whether an archive's single top directory becomes the root, if it has one.
  var stripsTop: Bool { options.stripsSingleTop && options.selection.stripping == .auto }

  /// Whether names keep that directory until all of them are known.
  var keepsTop: Bool { stripsTop && options.selection.rootBecomes.isEmpty }

  /// Looks for an archive's single top. All its entries count, even those that the options
  /// exclude.
  func noteTop(of entry: TreeEntry) throws {
    guard stripsTop, !top.isRuledOut else { return }
    top.note(path, isDirectory: entry.kind == .directory)
    guard top.isRuledOut, let assumedTop else { return }
    throw SourceError(
      .refused, path: entry.path,
      "lies outside \(assumedTop.escapedName)/, which the options took for the archive's only top "
        + "directory",
      hint: "read it from a file, which can be read twice, or give --strip-components 0")
  }

  /// Whether the archive's top so far becomes the root.
  private func isTopRoot() throws -> Bool {
    if assumedTop == nil && !isTopCertain {
      if let found = try findTop() {
        top = found
        isTopCertain = true
      } else {
        assumedTop = top.directory
      }
    }
    return !top.isRuledOut
  }

  /// How many components names lose; `nil` if that is unknown and may not matter.
  private func lostComponents() throws -> Int? {
    guard stripsTop else { return strippedCount }
    if top.isRuledOut { return 0 }
    if keepsTop && assumedTop == nil && !isTopCertain { return nil }
    return try isTopRoot() ? 1 : 0
  }

  private var strippedCount: Int {
    if case .components(let count) = options.selection.stripping { count } else { 0 }
  }

  // MARK: Choice

  /// Decides about the current entry by its path, and reports exclusions.
  func choose(isDirectory: Bool) throws -> Choice {
    guard options.selection.choosesEntries else {
      return .takes(path.components[...], isIncluded: true)
    }
    let lost = try lostComponents()
    switch placement(dropping: lost ?? min(1, path.components.count)) {
    case .above:
      if isDirectory { return .leavesOut(leadsOn: true) }
      leaveOut(to: path.bytes.count, Self.outside)
      return .leavesOut(leadsOn: false)
    case .outside(let end):
      if notes.patterns.isIncomplete {
        notes.patterns.note(ofSource: path.tidy, asInImage: nil, dropping: lost ?? 0)
      }
      matchesRootFromSource = matchesRootFromSource || place(path, dropping: 0) != nil
      leaveOut(directory: end, isDirectory, Self.outside)
      return .leavesOut(leadsOn: false)
    case .inside(var start):
      let verdict = try verdict(from: &start, isCertain: lost != nil)
      if let exclusion = verdict.exclusion {
        leaveOut(exclusion, isDirectory)
        return .leavesOut(leadsOn: false)
      }
      if start > 0 && start == path.components.count && !isDirectory
        && options.selection.rootBecomes.isEmpty
      {
        leaveOut(to: path.bytes.count, "not below --strip-components")
        return .leavesOut(leadsOn: false)
      }
      return .takes(path.components[(keepsTop ? 0 : start)...], isIncluded: verdict.isIncluded)
    }
  }

  /// Whether the source need not even open the current path.
  func leavesOutUnopened() -> Bool {
    // Not for archives, where opening costs nothing.
    guard options.selection.choosesEntries, !stripsTop else { return false }
    switch placement(dropping: strippedCount) {
    case .above: return false
    case .outside(let end):
      leaveOut(directory: end, true, Self.outside)
      return true
    case .inside(let start):
      let verdict = verdict(from: start)
      guard let exclusion = verdict.exclusion else { return false }
      noteUse(verdict, from: start)
      leaveOut(exclusion, true)
      return true
    }
  }

  private static let outside = "not below --root-becomes or --strip-components"

  /// What patterns decide about the current entry, with all its names or without those it may lose.
  ///
  /// - Parameter start: the first name it keeps in the image; 0 if it loses none after all.
  private func verdict(from start: inout Int, isCertain: Bool) throws -> Verdict {
    var verdict = verdict(from: start)
    let isTop = start == path.components.count
    if !isCertain {
      let whole = self.verdict(from: 0)
      if isTop && whole.exclusion == nil {
        // It stays in any case if it becomes the root.
        verdict.isIncluded = whole.isIncluded
      } else if !verdict.isOutcome(of: whole), try !isTopRoot() {
        verdict = whole
        start = 0
      }
    }
    noteUse(verdict, from: start)
    return verdict
  }

  private func verdict(from start: Int) -> Verdict {
    // The root itself always exists.
    guard start < path.components.count else { return Verdict() }
    let tail = tail(from: start)
    return Verdict(
      exclusion: options.selection.exclusion(of: tail),
      isIncluded: options.selection.isIncluded(tail))
  }

  private func noteUse(_ verdict: Verdict, from start: Int) {
    guard notes.patterns.isIncomplete else { return }
    let tail = tail(from: start)
    notes.patterns.note(tail, excludedTo: verdict.exclusion?.end, isWhole: start == 0)
    if start > 0 { notes.patterns.note(ofSource: path.tidy, asInImage: tail, dropping: start) }
  }

  /// The path from one of its components on.
  private func tail(from start: Int) -> ArraySlice<UInt8> {
    start < path.components.count ? path.bytes[path.components[start].lowerBound...] : []
  }

  // MARK: Places

  /// The components that a path keeps; `nil` if it is outside the selected part.
  func place(_ path: EntryPath) -> ArraySlice<Range<Int>>? {
    let losesTop = stripsTop && !keepsTop && !top.isRuledOut
    return place(path, dropping: losesTop ? 1 : strippedCount)
  }

  private func place(_ path: EntryPath, dropping count: Int) -> ArraySlice<Range<Int>>? {
    // The stripped directory itself becomes the root.
    guard path.components.count >= count else { return nil }
    var names = path.components.dropFirst(count)
    for expected in options.selection.rootBecomes {
      guard let first = names.first, path.bytes[first].elementsEqual(expected) else { return nil }
      names.removeFirst()
    }
    return names
  }

  private func placement(dropping count: Int) -> Placement {
    let names = path.components
    let rootBecomes = options.selection.rootBecomes
    for (index, expected) in rootBecomes.enumerated() {
      guard count + index < names.count else { return .above }
      let name = names[count + index]
      guard path.bytes[name].elementsEqual(expected) else { return .outside(end: name.upperBound) }
    }
    let start = count + rootBecomes.count
    return start > names.count ? .above : .inside(start: start)
  }

  // MARK: Reports

  private func leaveOut(_ exclusion: Selection.Exclusion, _ isDirectory: Bool) {
    leaveOut(
      directory: exclusion.end, isDirectory, options.selection.excludes[exclusion.pattern].text)
  }

  /// Reports a directory once, with everything in it.
  private func leaveOut(
    directory end: Int, _ isDirectory: Bool, _ reason: @autoclosure () -> String
  ) {
    if isDirectory || end < path.bytes.count {
      guard leftOutDirectories.insert(Array(path.bytes[..<end])).inserted else { return }
    }
    leaveOut(to: end, reason())
  }

  /// Reports an exclusion.
  ///
  /// - Parameter end: where the excluded path ends in the current one.
  func leaveOut(to end: Int, _ reason: String) {
    notes.leftOut += 1
    reportExclusion(path.bytes[..<end], reason)
  }
}

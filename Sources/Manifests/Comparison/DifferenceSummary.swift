import Posix

/// The differences between two trees in readable form: one line covers what nearly all entries
/// share, and one line covers a directory in one tree only, with everything in it.
///
/// The trees are compared twice, to count and to report, so that nothing is kept in memory.
public struct DifferenceSummary {
  public let counts: DifferenceCounts
  public let common: [CommonDifference]
  private let comparison: TreeComparison
  private let listsAll: Bool
  /// The entries with differences outside `common`; counted by `run`.
  private var remaining = 0

  /// - Parameter listsAll: whether each entry gets its own line.
  public init(_ comparison: TreeComparison, listsAll: Bool = false) {
    self.comparison = comparison
    self.listsAll = listsAll
    var tally = CommonDifference.Tally()
    counts = comparison.run { tally.add($0) }
    common = listsAll ? [] : tally.result(of: counts.inBoth)
  }

  /// The line for a shared difference.
  public func line(_ difference: CommonDifference) -> String { difference.line(of: counts.inBoth) }

  /// Reports all others, one per line.
  public mutating func run(_ report: (String) throws -> Void) rethrows {
    remaining = 0
    var folder: Folder?
    try comparison.run { difference in
      if folder?.takes(difference) == true { return }
      if let line = folder?.line { try report(line) }
      folder = nil
      switch difference.kind {
      case .changed(let changes):
        let others = changes.filter { change in !common.contains { $0.covers(change) } }
        if others.isEmpty { return }
        remaining += 1
        var difference = difference
        difference.kind = .changed(others)
        try report(difference.line)
      case _ where difference.isDirectory && !listsAll: folder = Folder(top: difference)
      default: try report(difference.line)
      }
    }
    if let line = folder?.line { try report(line) }
  }

  /// A directory in one tree only, with everything in it.
  private struct Folder {
    let top: Difference
    var count = 1

    /// Adds a difference that belongs to it.
    mutating func takes(_ difference: Difference) -> Bool {
      guard difference.path != top.path, difference.path.isPath(atOrBelow: top.path) else {
        return false
      }
      count += 1
      return true
    }

    var line: String {
      top.line + (count > 1 ? ": \(count.grouped) files and directories" : "")
    }
  }

  /// Where the differences are: "3 of the 1,132 that both have differ; 1 is only in B". Call it
  /// after `run`.
  public func places(first: String, second: String) -> String {
    var parts: [String] = []
    if counts.changed > 0 {
      var part = "\(counts.changed.grouped) of the \(counts.inBoth.grouped) that both have "
      part += counts.changed == 1 ? "differs" : "differ"
      if !common.isEmpty && remaining > 0 {
        part += ", \(remaining.grouped) of them in other ways"
      }
      parts.append(part)
    }
    for (count, side) in [(counts.removed, first), (counts.added, second)] where count > 0 {
      parts.append("\(count.grouped) \(count == 1 ? "is" : "are") only in \(side)")
    }
    return parts.joined(separator: "; ")
  }
}

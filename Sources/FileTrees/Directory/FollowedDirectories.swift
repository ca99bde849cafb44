import Posix

/// The directories that a walk along symbolic links is in, and how often it visited each.
struct FollowedDirectories {
  private var open: Set<FileID> = []
  private var visits: [FileID: Int] = [:]
  /// A few directories, each with several links to the next, would make an endless tree.
  static let mostVisits = 10_000

  enum Problem {
    /// The walk is in it already.
    case liesInItself
    case visitedTooOften
  }

  /// - Returns: the reason if it must not be entered.
  mutating func enter(_ directory: FileID) -> Problem? {
    guard open.insert(directory).inserted else { return .liesInItself }
    visits[directory, default: 0] += 1
    return visits[directory]! <= Self.mostVisits ? nil : .visitedTooOften
  }

  mutating func leave(_ directory: FileID) { open.remove(directory) }
}

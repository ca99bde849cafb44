internal import Posix

/// The directories that a walk along symbolic links is in, and how often it was in each.
struct FollowedDirectories {
  private var open: Set<FileID> = []
  private var visits: [FileID: Int] = [:]
  /// A few directories with several links each to the next would make a tree without end.
  static let mostVisits = 10_000

  enum Problem {
    /// The walk is in it already.
    case liesInItself
    case visitedTooOften
  }

  /// - Returns: why not, where it must not be entered.
  mutating func enter(_ directory: FileID) -> Problem? {
    guard open.insert(directory).inserted else { return .liesInItself }
    visits[directory, default: 0] += 1
    return visits[directory]! <= Self.mostVisits ? nil : .visitedTooOften
  }

  mutating func leave(_ directory: FileID) { open.remove(directory) }
}

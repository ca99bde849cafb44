import Posix

/// Which entries of a source go into the image, and where.
///
/// In this order: names lose their leading directories, `rootBecomes` picks a subtree, patterns
/// choose from that, and everything goes below `prefix`.
public struct Selection: Sendable {
  /// How many leading components names lose.
  public enum Stripping: Sendable, Equatable {
    /// One, if the source is an archive with a single directory at the top and no entry for the top
    /// itself.
    case auto
    case components(Int)
  }

  public var stripping = Stripping.auto
  /// Only what is below this path is packed; the path itself becomes the root.
  public var rootBecomes: [[UInt8]] = []
  /// Everything is placed below this path.
  public var prefix: [[UInt8]] = []
  public var excludes: [SelectionPattern] = []
  /// If there are any, only matching entries are packed, with everything below them.
  public var includes: [SelectionPattern] = []

  public init() {}

  /// The components of a user's path; `nil` if it has ".." or names that no image can hold, or is
  /// longer than Linux accepts.
  public static func components(ofUserPath path: [UInt8]) -> [[UInt8]]? {
    let parts = path.pathComponents.map(Array.init)
      .filter { $0 != [UInt8(ascii: ".")] }
    let isFine = parts.allSatisfy {
      $0 != [UInt8(ascii: "."), UInt8(ascii: ".")] && $0.count <= LinuxLimits.longestName
    }
    return isFine && path.count <= LinuxLimits.longestPath ? parts : nil
  }

  /// Whether anything depends on entries' names, apart from an archive's single top directory.
  var choosesEntries: Bool {
    if case .components(1...) = stripping { return true }
    return !rootBecomes.isEmpty || !excludes.isEmpty || !includes.isEmpty
  }

  /// Why an entry is excluded.
  struct Exclusion: Equatable {
    /// The pattern's index.
    var pattern: Int
    /// The end of the match: the entry itself, or the topmost excluded directory it is in.
    var end: Int
  }

  /// What excludes the entry with this path.
  func exclusion(of path: ArraySlice<UInt8>) -> Exclusion? {
    guard !excludes.isEmpty else { return nil }
    for end in path.pathEnds {
      if let pattern = excludes.firstIndex(where: { $0.glob.matches(path[..<end]) }) {
        return Exclusion(pattern: pattern, end: end)
      }
    }
    return nil
  }

  /// Whether an include pattern matches the entry or a directory the entry is in.
  func isIncluded(_ path: ArraySlice<UInt8>) -> Bool {
    includes.isEmpty || includes.contains { $0.glob.matchesOrContains(path) }
  }
}

extension ArraySlice<UInt8> {
  /// The ends of the directories on a path, and then of the path itself.
  var pathEnds: some Sequence<Int> {
    (startIndex...endIndex).lazy.filter { $0 == endIndex || self[$0] == pathSeparator }
  }
}

extension Glob {
  /// Whether the pattern matches the path or one of the directories in it.
  func matchesOrContains(_ path: ArraySlice<UInt8>) -> Bool {
    path.pathEnds.contains { matches(path[..<$0]) }
  }
}

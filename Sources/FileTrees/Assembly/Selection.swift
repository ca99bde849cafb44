internal import Posix

/// Which entries of a source go into the image, and where.
///
/// In this order: names lose their leading directories, what is below `rootBecomes` is taken,
/// patterns choose from that, and all goes below `prefix`.
public struct Selection: Sendable {
  /// How many leading components names lose.
  public enum Stripping: Sendable, Equatable {
    /// One, where the source is an archive with a single directory at the top and no entry for
    /// the top itself.
    case auto
    case components(Int)
  }

  public var stripping = Stripping.auto
  /// Only what is below this path goes in; the path itself becomes the root.
  public var rootBecomes: [[UInt8]] = []
  /// Everything is placed below this path.
  public var prefix: [[UInt8]] = []
  public var excludes: [SelectionPattern] = []
  /// Where there are any, only matching entries go in, with what is below them.
  public var includes: [SelectionPattern] = []

  public init() {}

  /// The components of a path given by a user; `nil` where it has ".." or names that no image
  /// can hold, or is longer than Linux takes.
  public static func components(ofUserPath path: [UInt8]) -> [[UInt8]]? {
    let parts = path.pathComponents.map(Array.init)
      .filter { $0 != [UInt8(ascii: ".")] }
    let isFine = parts.allSatisfy {
      $0 != [UInt8(ascii: "."), UInt8(ascii: ".")] && $0.count <= LinuxLimits.longestName
    }
    return isFine && path.count <= LinuxLimits.longestPath ? parts : nil
  }

  /// Whether anything depends on the names of entries, but for an archive's only top directory.
  var choosesEntries: Bool {
    if case .components(1...) = stripping { return true }
    return !rootBecomes.isEmpty || !excludes.isEmpty || !includes.isEmpty
  }

  /// An entry that is kept out.
  struct Exclusion: Equatable {
    /// Among the patterns.
    var pattern: Int
    /// Where what the pattern matches ends: the entry, or the topmost such directory it is in.
    var end: Int
  }

  /// What keeps the entry with this path out.
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
  /// Where the directories end that a path leads through, and then the path itself.
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

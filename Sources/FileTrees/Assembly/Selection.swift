/// Which entries of a source go into the image, and where.
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
  public var excludes: [Glob] = []
  /// Where there are any, only matching entries go in, with what is below them.
  public var includes: [Glob] = []

  public init() {}

  /// The components of a path given by a user; `nil` where it has ".." or names that no image
  /// can hold, or is longer than Linux takes.
  public static func components(ofUserPath path: [UInt8]) -> [[UInt8]]? {
    let parts = path.split(separator: UInt8(ascii: "/")).map(Array.init)
      .filter { $0 != [UInt8(ascii: ".")] }
    let isFine = parts.allSatisfy {
      $0 != [UInt8(ascii: "."), UInt8(ascii: ".")] && $0.count <= EntryPath.longestName
    }
    return isFine && path.count <= EntryPath.longestTarget ? parts : nil
  }

  /// The pattern that keeps an entry out: it matches the entry or a directory the entry is in.
  func excludingPattern(_ path: ArraySlice<UInt8>) -> Glob? {
    excludes.first { $0.matchesOrContains(path) }
  }

  /// Whether an include pattern matches the entry or a directory the entry is in.
  func isIncluded(_ path: ArraySlice<UInt8>) -> Bool {
    includes.isEmpty || includes.contains { $0.matchesOrContains(path) }
  }
}

extension Glob {
  /// Whether the pattern matches the path or one of the directories in it.
  func matchesOrContains(_ path: ArraySlice<UInt8>) -> Bool {
    if matches(path) { return true }
    for index in path.indices where path[index] == UInt8(ascii: "/") {
      if matches(path[..<index]) { return true }
    }
    return false
  }
}

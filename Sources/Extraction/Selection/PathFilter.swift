import FileTrees
import Posix

/// The files of an image that the user named.
public struct PathFilter: Sendable {
  /// The decision about a path.
  enum Answer {
    /// Wanted, with everything in it.
    case inside
    /// May contain something wanted.
    case above
    case outside
  }

  private var plain: [[UInt8]] = []
  private var globs: [Glob?] = []
  private var isFound: [Bool] = []
  private let given: [[UInt8]]

  /// - Parameters:
  ///   - paths: names and patterns, from the top; none selects everything.
  ///   - isName: whether an entry has this very name, which then is not a pattern.
  public init(_ paths: [[UInt8]], isName: ([UInt8]) throws -> Bool) rethrows {
    given = paths
    for path in paths {
      let tidy = path.pathComponents.filter { !$0.elementsEqual(".".utf8) }.joinedPath
      plain.append(tidy)
      let isPattern = try tidy.contains { "*?[\\".utf8.contains($0) } && !isName(tidy)
      globs.append(isPattern ? Glob([pathSeparator] + tidy) : nil)
    }
    isFound = Array(repeating: false, count: paths.count)
  }

  /// The names and patterns that were not found.
  public var missing: [[UInt8]] { zip(given, isFound).filter { !$0.1 }.map(\.0) }

  /// - Parameter isInside: whether the path's directory is wanted with everything in it.
  mutating func answer(_ path: [UInt8], isInside: Bool) -> Answer {
    if plain.isEmpty { return .inside }
    var answer = isInside ? Answer.inside : .outside
    for index in plain.indices {
      if plain[index] == path || plain[index].isEmpty || globs[index]?.matches(path[...]) == true {
        isFound[index] = true
        answer = .inside
      } else if answer == .outside,
        plain[index].isPath(atOrBelow: path) || globs[index] != nil
      {
        answer = .above
      }
    }
    return answer
  }

  /// Whether a path is wanted, by itself or through a directory above it.
  public func takes(_ path: [UInt8]) -> Bool {
    var filter = self
    let ends = path.indices.filter { path[$0] == pathSeparator } + [path.count]
    return filter.answer([], isInside: false) == .inside
      || ends.contains { filter.answer(Array(path[..<$0]), isInside: false) == .inside }
  }

  /// Declares a directory's contents unreadable: names below it do not count as missing.
  mutating func giveUp(below path: [UInt8]) {
    for index in plain.indices where plain[index] != path && plain[index].isPath(atOrBelow: path) {
      isFound[index] = true
    }
  }
}

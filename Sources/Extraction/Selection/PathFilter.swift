internal import FileTrees
internal import Posix

/// Which files of an image the user named.
public struct PathFilter: Sendable {
  /// What becomes of a path.
  enum Answer {
    /// Wanted, and all in it.
    case inside
    /// Something in it may be wanted.
    case above
    case outside
  }

  private var plain: [[UInt8]] = []
  private var globs: [Glob?] = []
  private var isFound: [Bool] = []
  private let given: [[UInt8]]

  /// - Parameters:
  ///   - paths: names and patterns, from the top; none stands for everything.
  ///   - isName: whether something has this very name, which is then taken for no pattern.
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

  /// What was named and is not there.
  public var missing: [[UInt8]] { zip(given, isFound).filter { !$0.1 }.map(\.0) }

  /// - Parameter isInside: whether the path's directory is wanted with all in it.
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

  /// Whether a path is wanted, by itself or with a directory that it is in.
  public func takes(_ path: [UInt8]) -> Bool {
    var filter = self
    let ends = path.indices.filter { path[$0] == pathSeparator } + [path.count]
    return filter.answer([], isInside: false) == .inside
      || ends.contains { filter.answer(Array(path[..<$0]), isInside: false) == .inside }
  }

  /// Nothing below a directory can be had: what was named there is not missing.
  mutating func giveUp(below path: [UInt8]) {
    for index in plain.indices where plain[index] != path && plain[index].isPath(atOrBelow: path) {
      isFound[index] = true
    }
  }
}

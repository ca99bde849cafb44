import Posix
import TreeModel

/// Which patterns matched something, and which would have matched the names as the source has
/// them.
struct PatternUse: Sendable {
  private let patterns: [SelectionPattern]
  private let includeCount: Int
  private let prefix: [[UInt8]]
  private var usedFromRoot: [Bool]
  private var usedFromSource: [Bool]
  /// Replacements for patterns that match only names of the source, if known.
  private var suggestions: [Int: [UInt8]?] = [:]
  /// Whether nothing became the root, so that names are those of the source.
  var isRootOfSource = false

  init(_ selection: Selection) {
    includeCount = selection.includes.count
    patterns = selection.includes + selection.excludes
    prefix = selection.prefix
    usedFromRoot = patterns.map { _ in false }
    usedFromSource = usedFromRoot
  }

  /// Whether any pattern has yet to match.
  var isIncomplete: Bool { usedFromRoot.contains(false) || usedFromSource.contains(false) }

  /// Notes which patterns match an entry: those of `--exclude` if it is left out, otherwise those
  /// of `--include`.
  ///
  /// - Parameters:
  ///   - path: from the image's root.
  ///   - end: where the excluded part of the path ends.
  ///   - isWhole: whether the source has the same path.
  mutating func note(_ path: ArraySlice<UInt8>, excludedTo end: Int?, isWhole: Bool) {
    let indices = end == nil ? 0..<includeCount : includeCount..<patterns.count
    let path = path[..<(end ?? path.endIndex)]
    for index in indices where !usedFromRoot[index] || isWhole && !usedFromSource[index] {
      let glob = patterns[index].glob
      guard end == nil ? glob.matchesOrContains(path) : glob.matches(path) else { continue }
      usedFromRoot[index] = true
      if isWhole { usedFromSource[index] = true }
    }
  }

  /// Notes which patterns would match a path of the source.
  ///
  /// - Parameters:
  ///   - rest: the rest of the path in the image; `nil` if it is not in it.
  ///   - count: how many components the path loses.
  mutating func note(
    ofSource path: ArraySlice<UInt8>, asInImage rest: ArraySlice<UInt8>?, dropping count: Int
  ) {
    for index in patterns.indices {
      let needsSuggestion = !usedFromRoot[index] && suggestions[index] == nil
      guard needsSuggestion || !usedFromSource[index] else { continue }
      let glob = patterns[index].glob
      guard glob.matchesOrContains(path) else { continue }
      usedFromSource[index] = true
      guard needsSuggestion, rest.map({ !glob.matchesOrContains($0) }) ?? true else { continue }
      let shorter = glob.dropping(components: count)
      let wouldMatch = rest.flatMap { rest in shorter.map { Glob($0).matchesOrContains(rest) } }
      suggestions[index] = .some(wouldMatch == true ? shorter : nil)
    }
  }

  /// Adds what the same patterns matched in another source of the image.
  mutating func add(_ other: PatternUse) {
    for index in patterns.indices {
      usedFromRoot[index] = !isUnmatched(index) || !other.isUnmatched(index)
      usedFromSource[index] = usedFromSource[index] || other.usedFromSource[index]
    }
    suggestions.merge(other.suggestions) { first, _ in first }
    isRootOfSource = false
  }

  /// Guesses what users mean by patterns that matched nothing and begin with the source directory's
  /// own name.
  mutating func suggest(_ tree: Tree, of source: SourceName) {
    for index in patterns.indices where isUnmatched(index) {
      let pattern = patterns[index].glob.pattern
      let count = source.leadingComponents(of: Glob.components(of: pattern))
      guard count > 0 else { continue }
      guard let shorter = patterns[index].glob.dropping(components: count) else { continue }
      let glob = Glob(shorter)
      let matches = tree.liveNodes.contains { glob.matches(tree.path(of: $0)[...]) }
      if matches { suggestions[index] = .some(shorter) }
    }
  }

  private func isUnmatched(_ index: Int) -> Bool {
    isRootOfSource ? !usedFromSource[index] : !usedFromRoot[index]
  }

  /// A sentence for each pattern that matched nothing, but only one for all patterns of a file.
  var warnings: [String] {
    var list: [String] = []
    var index = 0
    while index < patterns.count {
      defer { index += 1 }
      guard isUnmatched(index) else { continue }
      let pattern = patterns[index]
      var text = pattern.text
      if case .excludeFrom = pattern.origin {
        let others = (index + 1..<patterns.count)
          .prefix { patterns[$0].origin == pattern.origin }
        let count = 1 + others.count { isUnmatched($0) }
        index += others.count
        if count > 1 {
          let name = pattern.glob.pattern.escapedName
          list.append(
            "\(pattern.option)\(count.grouped) patterns match nothing, starting with \(name)")
          continue
        }
      }
      text += " matches nothing" + hint(index)
      list.append(text)
    }
    return list
  }

  private func hint(_ index: Int) -> String {
    let components = patterns[index].glob.pattern.pathComponents
    if !prefix.isEmpty, components.count > prefix.count,
      zip(components, prefix).allSatisfy({ $0.elementsEqual($1) })
    {
      return ": patterns begin below --prefix"
    }
    guard !isRootOfSource, let suggestion = suggestions[index] else { return "" }
    return ": patterns begin at the image's root"
      + (suggestion.map { "; \($0.escapedName) would match" } ?? "")
  }
}

extension Glob {
  fileprivate static func components(of pattern: [UInt8]) -> ArraySlice<ArraySlice<UInt8>> {
    pattern.pathComponents.drop { $0.elementsEqual(".".utf8) }
  }

  /// The pattern without its first components; `nil` if they could match any number of directories
  /// or are the whole pattern.
  fileprivate func dropping(components count: Int) -> [UInt8]? {
    let components = Self.components(of: pattern)
    guard components.count > count,
      !components.prefix(count).contains(where: { $0.contains2Stars })
    else { return nil }
    return [pathSeparator] + components.dropFirst(count).joinedPath
  }
}

extension ArraySlice<UInt8> {
  fileprivate var contains2Stars: Bool {
    zip(self, dropFirst()).contains { $0 == UInt8(ascii: "*") && $1 == $0 }
  }
}

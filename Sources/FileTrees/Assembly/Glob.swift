import Posix

/// A shell pattern over bytes: `*` and `?` match within a component, `**` across components, `**/`
/// any number of whole directories, `[a-z]` and `[!a-z]` a byte; `\` makes the next character
/// literal.
public struct Glob: Sendable, Equatable {
  /// The pattern as written.
  public let pattern: [UInt8]
  private let tokens: [Token]
  /// Whether it must match from the path's start; others may start at any component.
  private let isAnchored: Bool

  private enum Token: Equatable {
    case byte(UInt8)
    case anyByte
    case anyInComponent
    case anything
    /// `**/`: any number of whole directories.
    case directories
    case set(ranges: [ClosedRange<UInt8>], isNegated: Bool)
  }

  private static let slash = pathSeparator

  public init(_ pattern: [UInt8]) {
    self.pattern = pattern
    let hasDot = pattern.starts(with: "./".utf8)
    isAnchored = hasDot || pattern.first == Self.slash
    var rest = pattern.dropFirst(hasDot ? 1 : 0).drop { $0 == Self.slash }
    while rest.last == Self.slash { rest.removeLast() }
    var tokens: [Token] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"):
        if rest.first == UInt8(ascii: "*") {
          rest.removeFirst()
          let isAtStart =
            tokens.isEmpty || tokens.last == .byte(Self.slash) || tokens.last == .directories
          if rest.first == Self.slash && isAtStart {
            rest.removeFirst()
            if tokens.last != .directories { tokens.append(.directories) }
            continue
          }
          tokens.append(.anything)
        } else {
          tokens.append(.anyInComponent)
        }
      case UInt8(ascii: "?"): tokens.append(.anyByte)
      case UInt8(ascii: "\\"): tokens.append(.byte(rest.popFirst() ?? byte))
      case UInt8(ascii: "["):
        if let (set, after) = Self.parseSet(rest) {
          tokens.append(set)
          rest = after
        } else {
          tokens.append(.byte(byte))
        }
      default: tokens.append(.byte(byte))
      }
    }
    self.tokens = tokens
  }

  /// Whether the pattern matches `path` or, unless it begins with a slash, the rest of `path` after
  /// any of its slashes.
  public func matches(_ path: ArraySlice<UInt8>) -> Bool {
    var rest = path
    while true {
      if matchesWhole(rest) { return true }
      guard !isAnchored, let slash = rest.firstIndex(of: Self.slash) else { return false }
      rest = rest[(slash + 1)...]
    }
  }

  /// Matches with backtracking to the last star and the last double star only, so that the time
  /// is bounded by pattern times path squared, whatever the pattern. (The part before a double
  /// star leaves it the most when it matches as early as it can.)
  private func matchesWhole(_ path: ArraySlice<UInt8>) -> Bool {
    var token = 0
    var index = path.startIndex
    var star: (token: Int, index: Int)?
    var doubleStar: (token: Int, index: Int)?
    while true {
      if token == tokens.count {
        if index == path.endIndex { return true }
      } else {
        switch tokens[token] {
        case .anyInComponent:
          star = (token, index)
          token += 1
          continue
        case .anything, .directories:
          doubleStar = (token, index)
          star = nil
          token += 1
          continue
        case let single:
          if index < path.endIndex, Self.matches(single, path[index]) {
            token += 1
            index += 1
            continue
          }
        }
      }
      if let last = star, last.index < path.endIndex, path[last.index] != Self.slash {
        star = (last.token, last.index + 1)
        (token, index) = (last.token + 1, last.index + 1)
      } else if let last = doubleStar, let next = Self.next(tokens[last.token], path[last.index...])
      {
        star = nil
        doubleStar = (last.token, next)
        (token, index) = (last.token + 1, next)
      } else {
        return false
      }
    }
  }

  /// Where a double star can end that has matched nothing of `rest` so far.
  private static func next(_ token: Token, _ rest: ArraySlice<UInt8>) -> Int? {
    guard token == .directories else { return rest.isEmpty ? nil : rest.startIndex + 1 }
    return rest.firstIndex(of: slash).map { $0 + 1 }
  }

  private static func matches(_ token: Token, _ byte: UInt8) -> Bool {
    switch token {
    case .byte(let expected): byte == expected
    case .anyByte: byte != slash
    case .set(let ranges, let isNegated):
      byte != slash && ranges.contains { $0.contains(byte) } != isNegated
    case .anyInComponent, .anything, .directories: false
    }
  }

  /// Parses the rest of a set, after `[`.
  private static func parseSet(_ text: ArraySlice<UInt8>) -> (Token, ArraySlice<UInt8>)? {
    var rest = text
    var isNegated = false
    if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^") {
      isNegated = true
      rest.removeFirst()
    }
    var ranges: [ClosedRange<UInt8>] = []
    while let low = rest.popFirst() {
      if low == UInt8(ascii: "]") && !ranges.isEmpty {
        return (.set(ranges: ranges, isNegated: isNegated), rest)
      }
      if rest.first == UInt8(ascii: "-"), let high = rest.dropFirst().first, high >= low,
        high != UInt8(ascii: "]")
      {
        rest = rest.dropFirst(2)
        ranges.append(low...high)
      } else {
        ranges.append(low...low)
      }
    }
    return nil
  }
}

import Posix

/// Entries that later ones of the same name replaced: their count, and the first.
public struct ReplacedEntries: Sendable {
  public private(set) var count = 0
  /// Its path.
  public private(set) var first: [UInt8] = []

  public init() {}

  mutating func add(_ path: @autoclosure () -> [UInt8]) {
    if count == 0 { first = path() }
    count += 1
  }

  /// Adds those of another source.
  mutating func add(_ other: ReplacedEntries) {
    if count == 0 { first = other.first }
    count += other.count
  }

  /// Adjusts the first path to where its tree is placed: without the top that became the root, and
  /// below a prefix.
  mutating func place(without top: [UInt8]?, below prefix: [[UInt8]]) {
    guard count > 0 else { return }
    if let top, first != top, first.isPath(atOrBelow: top) { first.removeFirst(top.count + 1) }
    first = (prefix + [first]).joinedPath
  }
}

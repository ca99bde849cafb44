import Posix

/// Whether patterns for extended attributes match any in a source.
struct XattrUse {
  /// The patterns as given; `nil` if there are none.
  private let patterns: [UInt8]?
  private var taken = 0
  private var leftOut = 0

  init(_ policy: XattrPolicy) {
    if case .only(let globs) = policy {
      patterns = Array(globs.map(\.pattern).joined(separator: [UInt8(ascii: ",")]))
    } else {
      patterns = nil
    }
  }

  mutating func note(taken: Int, leftOut: Int) {
    self.taken += taken
    self.leftOut += leftOut
  }

  /// Adds the attributes of another source of the image.
  mutating func add(_ other: XattrUse) { note(taken: other.taken, leftOut: other.leftOut) }

  /// A sentence if they excluded every attribute.
  var warning: String? {
    guard let patterns, taken == 0, leftOut > 0 else { return nil }
    let names =
      leftOut == 1
      ? "the only extended attribute is" : "all \(leftOut.grouped) extended attributes are"
    return "--xattrs \(patterns.escapedName) matches nothing; \(names) left out"
  }
}

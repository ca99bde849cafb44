/// A set of inode numbers: a bitmap of at most 8 MiB.
package struct InodeSet: Sendable {
  private var words: [UInt64]
  private let count: UInt32

  /// - Parameter count: the largest number allowed in the set, as checked by `Image`.
  package init(upTo count: UInt32) {
    self.count = count
    words = Array(repeating: 0, count: Int(count) / 64 + 1)
  }

  /// - Returns: whether the number was new. Numbers that are too large never are.
  package mutating func insert(_ number: UInt32) -> Bool {
    guard number <= count else { return false }
    let bit: UInt64 = 1 << UInt64(number % 64)
    defer { words[Int(number / 64)] |= bit }
    return words[Int(number / 64)] & bit == 0
  }

  func contains(_ number: UInt32) -> Bool {
    number <= count && words[Int(number / 64)] & 1 << UInt64(number % 64) != 0
  }

  /// The number of elements.
  var size: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}

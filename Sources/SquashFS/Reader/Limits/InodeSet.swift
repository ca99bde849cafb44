/// A set of inode numbers: a bitmap, at most 8 MiB large.
package struct InodeSet: Sendable {
  private var words: [UInt64]
  private let count: UInt32

  /// - Parameter count: the largest number that can be in the set, as `Image` has checked it.
  package init(upTo count: UInt32) {
    self.count = count
    words = Array(repeating: 0, count: Int(count) / 64 + 1)
  }

  /// - Returns: whether the number was not in the set. Numbers that are too large never are.
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

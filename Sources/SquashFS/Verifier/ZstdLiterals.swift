import SquashFSFormat

/// The literals of a frame's blocks, decoded just far enough to check that their bits agree.
///
/// Layout: RFC 8878, section 3.1.1.3.1.
final class ZstdLiterals {
  private typealias Damage = ZstdFrame.Damage

  private let tree = ZstdTree()
  /// Whether an earlier block has left a tree.
  private var hasTree = false

  /// Starts a frame.
  func reset() { hasTree = false }

  /// - Returns: the number of literals, and where they end in the block.
  func check(_ block: UnsafeRawBufferPointer) throws(ZstdFrame.Damage) -> (count: Int, end: Int) {
    guard let first = block.first else { throw Self.cut }
    let format = Int(first >> 2 & 3)
    let isCompressed = first & 2 != 0
    let headerSize = (isCompressed ? 0x5433 : 0x3121) >> (4 * format) & 7
    guard block.count >= headerSize else { throw Self.cut }
    var bits: UInt64 = 0
    for index in 0..<headerSize { bits |= UInt64(block[index]) << UInt64(8 * index) }
    guard isCompressed else {
      let count = Int(bits >> (format & 1 == 0 ? 3 : 4))
      let end = headerSize + (first & 1 == 0 ? count : 1)
      guard end <= block.count else { throw Self.cut }
      return (count, end)
    }
    let width = UInt64(format < 2 ? 10 : 4 * format + 6)
    let count = Int(bits >> 4 & (1 << width - 1))
    let end = headerSize + Int(bits >> (4 + width) & (1 << width - 1))
    guard end <= block.count else { throw Self.cut }
    var position = headerSize
    if first & 1 == 0 {
      position += try tree.read(UnsafeRawBufferPointer(rebasing: block[position..<end]), count)
      hasTree = true
    }
    guard hasTree else { throw Self.cut }
    let streams = UnsafeRawBufferPointer(rebasing: block[position..<end])
    if format == 0 {
      try tree.check(streams, count)
    } else {
      try check(four: streams, count)
    }
    return (count, end)
  }

  /// Checks four streams, preceded by the sizes of the first three.
  private func check(
    four streams: UnsafeRawBufferPointer, _ count: Int
  ) throws(ZstdFrame.Damage) {
    guard streams.count >= 6 else { throw Self.cut }
    var ends = (0, 0, 0)
    ends.0 = 6 + Int(streams.little(0, as: UInt16.self))
    ends.1 = ends.0 + Int(streams.little(2, as: UInt16.self))
    ends.2 = ends.1 + Int(streams.little(4, as: UInt16.self))
    guard ends.2 <= streams.count else { throw Self.cut }
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: streams[range])
    }
    try tree.check(
      (
        part(6..<ends.0), part(ends.0..<ends.1), part(ends.1..<ends.2),
        part(ends.2..<streams.count)
      ), count)
  }

  static let cut = ZstdFrame.Damage(text: "has incomplete literals")
}

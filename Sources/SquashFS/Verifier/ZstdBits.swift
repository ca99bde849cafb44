internal import SquashFSFormat

/// Bits of a Zstandard frame that are read backwards, from the end of a stream to its start.
///
/// Layout: RFC 8878, section 4.1.
struct ZstdBits {
  private let start: UnsafeRawPointer
  /// How many bits are left; less than none where there were not enough.
  var count: Int

  /// - Parameter stream: a part of a frame, behind its header.
  /// - Returns: `nil` where the stream has no end mark.
  init?(_ stream: UnsafeRawBufferPointer) {
    guard let last = stream.last, last != 0 else { return nil }
    start = stream.baseAddress!
    count = stream.count * 8 - last.leadingZeroBitCount - 1
  }

  /// So many bits at least are good in what is loaded.
  static let mostLoaded = 57

  /// The next bits, the first one on top; there must be no less than none. At the end other bits
  /// come behind them: of the frame's beginning, which has more than the eight bytes that matter.
  @inline(__always) func load() -> UInt64 {
    let end = (count &+ 7) &>> 3
    let word = start.loadUnaligned(fromByteOffset: end &- 8, as: UInt64.self)
    return UInt64(littleEndian: word) &<< UInt64(end &* 8 &- count)
  }

  /// The first bits of a word that was loaded; of none as well.
  @inline(__always) static func first(_ count: UInt8, of word: UInt64) -> UInt64 {
    (word &>> 1) &>> UInt64(63 &- count)
  }
}

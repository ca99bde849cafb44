import SquashFSFormat

/// Bits of a Zstandard frame read backwards, from the end of a stream to its start.
///
/// Layout: RFC 8878, section 4.1.
struct ZstdBits {
  private let start: UnsafeRawPointer
  /// The number of bits left; negative after reading too many.
  var count: Int

  /// - Parameter stream: a part of a frame, after its header.
  /// - Returns: `nil` if the stream has no end mark.
  init?(_ stream: UnsafeRawBufferPointer) {
    guard let last = stream.last, last != 0 else { return nil }
    start = stream.baseAddress!
    count = stream.count * 8 - last.leadingZeroBitCount - 1
  }

  /// At least this many loaded bits are valid.
  static let mostLoaded = 57

  /// The next bits, the first one on top; `count` must not be negative. Near the start, other bits
  /// follow them: those before the stream in the frame, which has at least the eight bytes needed.
  @inline(__always) func load() -> UInt64 {
    let end = (count &+ 7) &>> 3
    let word = start.loadUnaligned(fromByteOffset: end &- 8, as: UInt64.self)
    return UInt64(littleEndian: word) &<< UInt64(end &* 8 &- count)
  }

  /// The first bits of a loaded word; also works for none.
  @inline(__always) static func first(_ count: UInt8, of word: UInt64) -> UInt64 {
    (word &>> 1) &>> UInt64(63 &- count)
  }
}

/// The latest part of a stream, kept while libarchive reads a header from it, to look up what
/// libarchive does not expose.
final class StreamWindow {
  private var bytes: [UInt8] = []
  /// The position of the window's first byte in the stream.
  private(set) var start: Int64 = 0
  /// Bytes before this position are no longer needed.
  private var floor: Int64 = 0

  /// The most bytes to keep: no honest header is larger.
  private static let limit = 64 << 20

  /// The position after the last byte seen.
  var end: Int64 { start + Int64(bytes.count) }

  /// Declares that bytes before this position are no longer needed.
  func keep(from position: Int64) { floor = max(floor, position) }

  /// Adds bytes read from the stream.
  ///
  /// - Parameters:
  ///   - position: where the piece begins; libarchive may have skipped some of the stream.
  ///   - consumed: the position up to which libarchive is done.
  func append(
    _ piece: UnsafeRawBufferPointer, at position: Int64, consumed: Int64, isInHeader: Bool
  ) {
    if position != end {
      bytes.removeAll()
      start = position
    }
    if !isInHeader { floor = max(floor, consumed) }
    let unneeded = Int(min(Int64(bytes.count), max(0, floor - start)))
    if unneeded > 0 {
      bytes.removeFirst(unneeded)
      start += Int64(unneeded)
    }
    if bytes.count > Self.limit {
      start += Int64(bytes.count)
      bytes.removeAll()
    }
    bytes.append(contentsOf: piece)
  }

  /// The bytes of a range of the stream that are in the window; `nil` if the range starts before
  /// it.
  func slice(at position: Int64, count: Int) -> ArraySlice<UInt8>? {
    guard position >= start, position <= end else { return nil }
    let lower = Int(position - start)
    return bytes[lower..<min(bytes.count, lower + count)]
  }
}

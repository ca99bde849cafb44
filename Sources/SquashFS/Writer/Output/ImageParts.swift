package import Posix

/// Receives an image in parts, each as soon as it is complete: for an upload whose parts are put
/// together at the end.
package protocol ImagePartSink: AnyObject {
  /// The size in bytes of each part; only the first may be larger, only the last smaller.
  var partSize: Int { get }

  /// The most bytes that a part may have.
  var largestPart: UInt64 { get }

  /// Takes a part other than the first one. They come in their order.
  ///
  /// - Parameter part: its number, from 2 on.
  func send(_ part: Int, _ bytes: [UInt8]) throws

  /// Takes the first part, after all others. A small image has no other one.
  func send(first part: FirstPart) throws
}

/// The start of an image: its header, what is known last, and at least so much of its data that it
/// has the size of a part. It may be larger than fits into memory.
package final class FirstPart: @unchecked Sendable {
  package let byteCount: UInt64
  private let pieces: [(start: UInt64, bytes: SpilledBytes)]

  init(_ parts: [SpilledBytes]) {
    var pieces: [(start: UInt64, bytes: SpilledBytes)] = []
    var end: UInt64 = 0
    for part in parts {
      pieces.append((end, part))
      end += part.count
    }
    byteCount = end
    self.pieces = pieces
  }

  /// Fills `buffer` with bytes from `offset` on, all of which must exist. Any thread may do so.
  ///
  /// - Throws: `SystemError` if a temporary file cannot be read.
  package func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError)
  {
    precondition(offset <= byteCount && UInt64(buffer.count) <= byteCount - offset)
    let end = offset + UInt64(buffer.count)
    for (start, bytes) in pieces {
      let range = max(start, offset)..<max(max(start, offset), min(start + bytes.count, end))
      guard !range.isEmpty else { continue }
      let target = buffer[Int(range.lowerBound - offset)..<Int(range.upperBound - offset)]
      try bytes.read(UnsafeMutableRawBufferPointer(rebasing: target), at: range.lowerBound - start)
    }
  }
}

/// Unpacks streams of one format, one after the other. The library behind it does the work.
protocol StreamDecoder: AnyObject {
  /// Unpacks some more.
  ///
  /// - Parameters:
  ///   - input: what comes next in the stream; loses what was used up.
  ///   - output: room for the result; loses what was filled.
  /// - Returns: whether the stream is over; the next call then begins another one.
  /// - Throws: `StreamDamage`.
  func decode(
    _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
  ) throws(StreamDamage) -> Bool
}

/// Why a stream does not unpack.
struct StreamDamage: Error {
  /// In the words of the library.
  var reason: String
}

extension UnsafeRawBufferPointer {
  /// The typed start, as C libraries want it. They do not write there.
  var cBytes: UnsafeMutablePointer<UInt8>? {
    UnsafeMutablePointer(mutating: baseAddress?.assumingMemoryBound(to: UInt8.self))
  }

  /// Gives up all but the last `count` bytes.
  mutating func keepLast(_ count: Int) { self = .init(rebasing: self[(self.count - count)...]) }
}

extension UnsafeMutableRawBufferPointer {
  var cBytes: UnsafeMutablePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }

  mutating func keepLast(_ count: Int) { self = .init(rebasing: self[(self.count - count)...]) }
}

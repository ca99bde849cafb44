/// Unpacks successive streams of one format, using a library.
protocol StreamDecoder: AnyObject {
  /// Unpacks the next part.
  ///
  /// - Parameters:
  ///   - input: the next bytes of the stream; shrinks by what was used.
  ///   - output: room for the result; shrinks by what was filled.
  /// - Returns: whether the stream has ended; the next call then begins another one.
  /// - Throws: `StreamDamage`.
  func decode(
    _ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer
  ) throws(StreamDamage) -> Bool
}

/// Why a stream cannot be unpacked.
struct StreamDamage: Error {
  /// The library's own words.
  var reason: String
}

extension UnsafeRawBufferPointer {
  /// The typed start, as C libraries want it. They do not write to it.
  var cBytes: UnsafeMutablePointer<UInt8>? {
    UnsafeMutablePointer(mutating: baseAddress?.assumingMemoryBound(to: UInt8.self))
  }

  /// Drops all but the last `count` bytes.
  mutating func keepLast(_ count: Int) { self = .init(rebasing: self[(self.count - count)...]) }
}

extension UnsafeMutableRawBufferPointer {
  var cBytes: UnsafeMutablePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }

  mutating func keepLast(_ count: Int) { self = .init(rebasing: self[(self.count - count)...]) }
}

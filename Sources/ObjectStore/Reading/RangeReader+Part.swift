extension RangeReader {
  /// Bytes of the object, in flight or here.
  final class Part {
    enum State {
      case waiting, inFlight
      case here([UInt8])
      case failed(StoreError)
    }
    let range: Range<UInt64>
    var state = State.waiting
    /// The time of the latest use, by the reader's own clock.
    var lastUse: UInt64
    var readers = 0
    var wasRead = false
    /// The bytes of the plan up to the end of this part.
    var planned: UInt64?

    init(_ range: Range<UInt64>, now: UInt64) {
      self.range = range
      lastUse = now
    }
  }

  /// One who reads forward.
  struct Stream {
    /// Where the next read begins if it reads on.
    var next: UInt64
    /// The bytes to have ahead of `next`; 0 for one who has not read on yet.
    var window: UInt64
    /// Where it will stop.
    var end: UInt64
    var lastUse: UInt64
  }

  func copy(
    _ bytes: [UInt8], from start: Int, _ count: Int, to buffer: UnsafeMutableRawBufferPointer
  ) {
    bytes.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
    }
  }
}

extension RangeReader {
  package struct Limits: Sendable {
    /// Requests begin and end at multiples of this many bytes.
    package var unit: UInt64 = 128 << 10
    /// The bytes of the largest request.
    package var part: UInt64 = 2 << 20
    /// The number of requests at the same time.
    package var requests = 8
    /// The bytes kept, those in flight included.
    package var memory: UInt64 = 40 << 20
    /// How far to fetch ahead of what was announced, in bytes.
    package var ahead: UInt64 = 24 << 20
    /// How far to fetch ahead of one who reads on and on, in bytes; at most `ahead`.
    package var stream: UInt64 = 24 << 20
    /// How many bytes to fetch at most around a read that has to wait, if many had to lately.
    package var around: UInt64 = 0

    package init() {}
  }
}

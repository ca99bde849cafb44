/// Tables on their way into an image, with the positions that they will have there.
struct TableBuffer {
  private let base: UInt64
  private(set) var bytes: [UInt8] = []

  /// - Parameter base: where the first byte will lie.
  init(base: UInt64) { self.base = base }

  /// Where the next byte will lie.
  var position: UInt64 { base + UInt64(bytes.count) }

  mutating func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
}

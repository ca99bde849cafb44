import SquashFSFormat

/// Tables to be written to an image, with their future positions.
struct TableBuffer {
  private let base: UInt64
  private(set) var bytes: [UInt8] = []

  /// - Parameter base: the future position of the first byte.
  init(base: UInt64) { self.base = base }

  /// The future position of the next byte.
  var position: UInt64 { base + UInt64(bytes.count) }

  mutating func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

  /// Appends the positions of a table's blocks.
  mutating func append(list: [UInt64]) {
    var encoded = ByteWriter(capacity: list.count * 8)
    for position in list { encoded.append(position) }
    encoded.withBytes { append($0) }
  }
}

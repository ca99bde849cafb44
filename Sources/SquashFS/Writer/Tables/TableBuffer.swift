internal import SquashFSFormat

/// Tables on their way into an image, with the positions that they will have there.
struct TableBuffer {
  private let base: UInt64
  private(set) var bytes: [UInt8] = []

  /// - Parameter base: where the first byte will lie.
  init(base: UInt64) { self.base = base }

  /// Where the next byte will lie.
  var position: UInt64 { base + UInt64(bytes.count) }

  mutating func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

  /// Appends the positions of a table's blocks.
  mutating func append(list: [UInt64]) {
    var encoded = ByteWriter(capacity: list.count * 8)
    for position in list { encoded.append(position) }
    encoded.withBytes { append($0) }
  }
}

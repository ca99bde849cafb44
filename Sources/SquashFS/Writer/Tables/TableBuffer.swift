import SquashFSFormat

/// Tables to be written to an image, with their future positions.
struct TableBuffer {
  private let base: UInt64
  // Tables of millions of files take much memory, so they stay the arrays that they are.
  private var parts: [[UInt8]] = []
  /// The future position of the next byte.
  private(set) var position: UInt64

  /// - Parameter base: the future position of the first byte.
  init(base: UInt64) {
    self.base = base
    position = base
  }

  mutating func append(_ part: [UInt8]) {
    parts.append(part)
    position += UInt64(part.count)
  }

  /// Appends the positions of a table's blocks.
  mutating func append(list: [UInt64]) {
    var encoded = ByteWriter(capacity: list.count * 8)
    for position in list { encoded.append(position) }
    encoded.withBytes { append(Array($0)) }
  }

  /// Writes the tables to their place.
  func write(to image: any ImageOutput) throws {
    var offset = base
    for part in parts {
      try part.withUnsafeBytes { try image.write($0, at: offset) }
      offset += UInt64(part.count)
    }
  }

  /// Appends the tables to an image that ends where they are to begin.
  func append(to image: any ImageOutput) throws {
    for part in parts {
      try part.withUnsafeBytes { try image.append($0) }
    }
  }
}

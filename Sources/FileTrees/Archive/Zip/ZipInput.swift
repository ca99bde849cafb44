/// A zip archive without the bytes before and behind it, and with its end adjusted so that
/// libarchive finds the directory.
final class ZipInput: ByteInput {
  private let file: FileInput
  private let directory: ZipDirectory
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
  private(set) var position: Int64 = 0

  init(_ file: FileInput, _ directory: ZipDirectory) throws {
    self.file = file
    self.directory = directory
    try file.seek(to: directory.start)
  }

  deinit { buffer.deallocate() }

  /// The size of the end record without a comment.
  private static let endRecordSize: Int64 = 22

  var length: Int64? { directory.endRecord + Self.endRecordSize - directory.start }
  var isSeekable: Bool { true }

  func seek(to offset: Int64) throws {
    try file.seek(to: directory.start + offset)
    position = offset
  }

  func next() throws -> UnsafeRawBufferPointer {
    let bytes = try file.next()
    let start = directory.start + position
    let count = Int(min(Int64(bytes.count), max(0, length! - position)))
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    for patch in directory.patches {
      for (index, byte) in patch.bytes.enumerated() {
        let place = patch.offset + Int64(index) - start
        if (0..<Int64(count)).contains(place) { buffer[Int(place)] = byte }
      }
    }
    position += Int64(count)
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }
}

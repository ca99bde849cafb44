import CLibArchive

/// An unpacked .Z stream of compress(1), by libarchive. The format has neither checksum nor end
/// mark: all bytes to the end belong to it.
final class CompressInput: ByteInput {
  private let archive: ArchiveHandle
  private var isAtEnd = false
  private(set) var position: Int64 = 0

  init(_ input: any ByteInput, path: [UInt8]) throws {
    archive = try ArchiveHandle(input, path: path) { raw in
      archive_read_support_filter_compress(raw)
      archive_read_support_format_raw(raw)
      archive_read_support_format_empty(raw)
    }
    var entry: OpaquePointer?
    switch archive_read_next_header(archive.raw, &entry) {
    case ARCHIVE_OK: break
    case ARCHIVE_EOF: isAtEnd = true
    default: throw archive.failure()
    }
  }

  func next() throws -> UnsafeRawBufferPointer {
    guard !isAtEnd else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    var base: UnsafeRawPointer?
    var count = 0
    var offset: Int64 = 0
    while true {
      switch archive_read_data_block(archive.raw, &base, &count, &offset) {
      case ARCHIVE_OK where count == 0: continue
      case ARCHIVE_OK:
        position += Int64(count)
        return UnsafeRawBufferPointer(start: base, count: count)
      case ARCHIVE_EOF:
        isAtEnd = true
        return UnsafeRawBufferPointer(start: nil, count: 0)
      default: throw archive.failure()
      }
    }
  }
}

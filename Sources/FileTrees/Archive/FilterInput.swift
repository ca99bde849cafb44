internal import CLibArchive

/// What a compressed stream unpacks to: bzip2, xz, lzma, lzip, zstd, lz4, compress.
final class FilterInput: ByteInput {
  private let archive: ArchiveHandle
  /// Whether there is any compression at all.
  let isFiltered: Bool
  private var isAtEnd = false
  private(set) var position: Int64 = 0

  /// - Parameter first: what was read from `input` already.
  init(_ input: any ByteInput, path: [UInt8], first: UnsafeRawBufferPointer) throws {
    archive = try ArchiveHandle(input, path: path, first: first) { raw in
      // By name: libarchive's "all" runs programs for filters it does not have.
      archive_read_support_filter_bzip2(raw)
      archive_read_support_filter_compress(raw)
      archive_read_support_filter_lz4(raw)
      archive_read_support_filter_lzip(raw)
      archive_read_support_filter_lzma(raw)
      archive_read_support_filter_xz(raw)
      archive_read_support_filter_zstd(raw)
      archive_read_support_format_raw(raw)
      archive_read_support_format_empty(raw)
    }
    var entry: OpaquePointer?
    switch archive_read_next_header(archive.raw, &entry) {
    case ARCHIVE_OK: break
    case ARCHIVE_EOF: isAtEnd = true
    default: throw archive.failure()
    }
    isFiltered = archive_filter_code(archive.raw, 0) != ARCHIVE_FILTER_NONE
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

import CLibArchive
import Posix
import TreeModel

extension ArchiveSource {
  /// Passes on the bytes of an entry, and checks them where the archive has checksums.
  func readContent(
    of raw: OpaquePointer, _ entry: TreeEntry, from part: ArchivePart,
    into content: any ContentSink
  ) throws {
    let archive = part.archive
    let size = archive_entry_size_is_set(raw) != 0 ? archive_entry_size(raw) : nil
    // libarchive treats a missing file as an empty one, without an inode number.
    if archive.isSpecification && size == 0 && archive_entry_ino_is_set(raw) == 0 {
      throw specificationError(raw, "not found", isOfContent: true)
    }
    var sum = ByteSum(expected: cpioChecksum(part))
    let digests = archive.isSpecification ? EntryDigests(raw) : nil
    let opened = archive.isSpecification ? openedFile(of: raw) : nil
    var position: Int64 = 0
    var base: UnsafeRawPointer?
    var count = 0
    var offset: Int64 = 0
    while true {
      let status = archive_read_data_block(archive.raw, &base, &count, &offset)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK else {
        // The receiver of the content drops it before the error goes on.
        let failure = archive.failure(entry: entry.path)
        if let failure = failure as? SourceError { throw UnreadableFile(reason: failure) }
        throw failure
      }
      guard offset >= position, offset <= Int64.max - Int64(count) else {
        throw archive.failure(entry: entry.path)
      }
      if offset > position { try content.addHole(UInt64(offset - position)) }
      let bytes = UnsafeRawBufferPointer(start: base, count: count)
      sum.add(bytes)
      digests?.update(bytes)
      try content.append(bytes)
      position = offset + Int64(count)
    }
    try checkSize(size, position, of: raw, entry, part)
    if let opened, FileStamp(descriptor: opened.descriptor) != opened.stamp {
      throw SourceError.changed(entry.path)
    }
    if let size, size > position { try content.addHole(UInt64(size - position)) }
    guard sum.isRight else {
      throw UnreadableFile(
        reason: SourceError(
          .damaged, path: path,
          "damaged archive at \(entry.path.escapedName): its checksum is wrong",
          hint: SourceError.fetchAgain))
    }
    if let name = digests?.wrong() {
      throw UnreadableFile(
        reason: SourceError(
          .refused, path: entry.path, "its \(name) differs from the specification")
      )
    }
  }

  private func checkSize(
    _ size: Int64?, _ position: Int64, of raw: OpaquePointer, _ entry: TreeEntry,
    _ part: ArchivePart
  ) throws {
    guard let size else { return }
    guard position <= size else {
      throw UnreadableFile(
        reason: SourceError(
          .damaged, path: path, "\(entry.path.escapedName) has more data than its header says"))
    }
    if part.archive.isSpecification && position < size {
      throw specificationError(
        raw, "\(position) bytes, but the specification says \(size)", isOfContent: true)
    }
    if archive_entry_sparse_count(raw) == 0 && !isSparse(part.archive) && position < size {
      throw UnreadableFile(
        reason: .damagedOrCutOff(
          path, at: " at \(entry.path.escapedName)",
          "\(size - position) bytes of \(size) are missing", isCutOff: true))
    }
  }

  /// Whether the current tar member is sparse in one of the four GNU forms or star's.
  private func isSparse(_ archive: ArchiveHandle) -> Bool {
    archive.isTar
      && (headers.type == UInt8(ascii: "S")
        || headers.local.keys.contains {
          $0.starts(with: Array("GNU.sparse.".utf8)) || $0 == Array("SCHILY.realsize".utf8)
        })
  }

  /// The checksum that the current member of a cpio archive stores.
  private func cpioChecksum(_ part: ArchivePart) -> UInt32? {
    guard archive_format(part.archive.raw) == ARCHIVE_FORMAT_CPIO_SVR4_CRC else { return nil }
    return part.window.slice(
      at: archive_read_header_position(part.archive.raw), count: CpioHeader.size
    ).flatMap(CpioHeader.checksum)
  }
}

/// The checksum of cpio's form 070702, which libarchive ignores: the sum of all bytes.
private struct ByteSum {
  let expected: UInt32?
  private var sum: UInt32 = 0

  init(expected: UInt32?) { self.expected = expected }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard expected != nil else { return }
    for byte in bytes { sum &+= UInt32(byte) }
  }

  var isRight: Bool { expected == nil || expected == sum }
}

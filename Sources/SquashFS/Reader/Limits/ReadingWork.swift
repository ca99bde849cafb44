import Synchronization

/// The work of reading an image so far, counted where it is done.
///
/// It depends on the image and the requests, not on the machine, so it shows whether an image takes
/// more work than its size justifies.
package struct ReadingWork: Sendable, Equatable {
  /// Metadata blocks read and unpacked.
  package var metadataBlocks: UInt64 = 0
  /// Requests for metadata blocks, already unpacked or not.
  package var metadataVisits: UInt64 = 0
  /// Bytes of inodes, names, indexes, targets, attributes and lists of blocks looked at.
  package var metadataBytes: UInt64 = 0
  /// Bytes of extended attributes returned.
  package var attributeBytes: UInt64 = 0
  /// Blocks of files unpacked, or read uncompressed.
  package var dataBlocks: UInt64 = 0
  /// Bytes read from the file.
  package var bytesRead: UInt64 = 0

  package init() {}

  static func += (sum: inout ReadingWork, other: ReadingWork) {
    sum.metadataBlocks += other.metadataBlocks
    sum.metadataVisits += other.metadataVisits
    sum.metadataBytes += other.metadataBytes
    sum.attributeBytes += other.attributeBytes
    sum.dataBlocks += other.dataBlocks
    sum.bytesRead += other.bytesRead
  }
}

/// The part of the work shared by many threads.
final class SharedWork: Sendable {
  let dataBlocks = Atomic<UInt64>(0)
  let bytesRead = Atomic<UInt64>(0)
}

extension Image {
  /// The work since the image was opened; for data, since its file was opened.
  package var work: ReadingWork {
    var sum = ReadingWork()
    let tables = [
      inodes, directories, idTable.blocks, fragmentTable?.blocks, exportTable?.blocks,
      xattrs?.rows.blocks, xattrs?.pairs,
    ]
    for case let table? in tables { sum += table.work }
    sum.attributeBytes = xattrs?.bytesGiven ?? 0
    sum.dataBlocks = input.work.dataBlocks.load(ordering: .relaxed)
    sum.bytesRead = input.work.bytesRead.load(ordering: .relaxed)
    return sum
  }
}

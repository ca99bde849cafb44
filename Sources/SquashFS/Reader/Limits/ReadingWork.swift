internal import Synchronization

/// What reading an image has taken so far, counted where it is done.
///
/// It depends on the image and on what is asked of it, not on the machine, so that one can tell
/// whether an image means more work than it is large.
package struct ReadingWork: Sendable, Equatable {
  /// Metadata blocks that were read and unpacked.
  package var metadataBlocks: UInt64 = 0
  /// How often a metadata block was asked for, unpacked already or not.
  package var metadataVisits: UInt64 = 0
  /// Bytes of inodes, names, indexes, targets, attributes and lists of blocks that were looked at.
  package var metadataBytes: UInt64 = 0
  /// Bytes of extended attributes that were handed out.
  package var attributeBytes: UInt64 = 0
  /// Blocks of files that were unpacked, or read as they are.
  package var dataBlocks: UInt64 = 0
  /// Bytes read of the file.
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
  /// What reading it has taken since it was opened; of data since its file was.
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

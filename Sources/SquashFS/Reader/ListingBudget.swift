internal import Posix
internal import SquashFSFormat

/// Makes sure that a walk through directories ends, which otherwise could share their listings
/// without end: no byte of the directory table is read twice.
///
/// Counts for each metadata block the bytes of the entries that begin in it.
public struct ListingBudget {
  private var taken: [UInt64: Int] = [:]
  /// The block at hand, whose bytes are not in `taken`.
  private var block = UInt64.max
  private var bytes = 0

  /// The last entry of a block may go on in the next one.
  private static let most =
    MetadataBlock.byteCount + DirectoryHeader.byteCount + DirectoryEntryRecord.byteCount
    + DirectoryEntryRecord.longestName

  public init() {}

  /// Counts the entry that a cursor has read last.
  ///
  /// - Throws: `ImageReadError` where there are more of them than a block has room for.
  public mutating func take(_ cursor: DirectoryCursor) throws(ImageReadError) {
    let entry = cursor.latest
    if entry.block != block {
      taken[block] = bytes
      block = entry.block
      bytes = taken[block] ?? 0
    }
    bytes += entry.byteCount
    guard bytes <= Self.most else {
      throw .damaged(at: cursor.fileOffset, "directories share their listings")
    }
  }
}

import SquashFSFormat
import TreeModel

/// Writes the listing of one directory at a time into the directory table.
///
/// Layout: SquashFS Binary Format, sections "Directory Table" and "Directory Index". A new header
/// starts whenever the entries' inodes lie in another metadata block, and whenever the listing
/// itself enters a new metadata block; the latter headers form the index.
struct DirectoryListing: ~Copyable {
  private let table: MetadataWriter
  private var run = ByteWriter(capacity: 8192)
  private var runEntries = 0
  private var runInodeBlock: UInt64 = 0
  private var runInodeNumber: UInt32 = 0

  private var start = MetadataReference(rawValue: 0)
  private var size = 0
  private var index: [Inode.IndexEntry] = []
  private var indexedBlock: UInt64 = 0

  private static let mostEntries = 256

  init(table: MetadataWriter) { self.table = table }

  /// Starts a listing.
  mutating func begin() {
    start = table.position
    indexedBlock = start.blockStart
    size = 0
    index = []
  }

  /// Adds an entry; entries must come in byte order of their names.
  mutating func add(
    name: some Collection<UInt8>, type: FileType, number: UInt32, inode: MetadataReference
  ) throws {
    let difference = Int64(number) - Int64(runInodeNumber)
    let entersBlock = table.position.offset + run.count >= MetadataBlock.byteCount
    if runEntries == 0 || runEntries == Self.mostEntries || inode.blockStart != runInodeBlock
      || Int16(exactly: difference) == nil || entersBlock
    {
      try flushRun()
      startRun(name: name, number: number, inode: inode)
    }
    run.append(UInt16(inode.offset))
    run.append(Int16(Int64(number) - Int64(runInodeNumber)))
    run.append(type.rawValue)
    run.append(UInt16(name.count - 1))
    run.append(name)
    runEntries += 1
  }

  /// Ends the listing.
  ///
  /// - Returns: the fields of the directory's inode; `nil` if the listing is too large.
  mutating func end(parent: UInt32) throws -> Inode.Directory? {
    try flushRun()
    guard size + 3 <= Int(UInt32.max) else { return nil }
    return Inode.Directory(listing: start, listingSize: size, parent: parent, index: index)
  }

  private mutating func startRun(
    name: some Collection<UInt8>, number: UInt32, inode: MetadataReference
  ) {
    let position = table.position
    if position.blockStart != indexedBlock, index.count < Int(UInt16.max) {
      indexedBlock = position.blockStart
      index.append(
        Inode.IndexEntry(
          offset: UInt32(truncatingIfNeeded: size),
          blockStart: UInt32(truncatingIfNeeded: position.blockStart), name: Array(name)))
    }
    runInodeBlock = inode.blockStart
    runInodeNumber = number
    run.append(UInt32(0))  // the count, known at the end
    run.append(UInt32(truncatingIfNeeded: inode.blockStart))
    run.append(number)
  }

  private mutating func flushRun() throws {
    guard runEntries > 0 else { return }
    run.replace(at: 0, with: UInt32(runEntries - 1))
    try run.withBytes { try table.append($0) }
    size += run.count
    run.removeAll()
    runEntries = 0
  }
}

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
  private var runInodeBlock: UInt32 = 0
  private var runInodeNumber: UInt32 = 0

  private(set) var start = MetadataPlace(block: 0, offset: 0)
  private var size = 0
  private var index: [Inode.IndexEntry] = []
  private var indexedBlock: UInt32 = 0

  private static let mostEntries = 256
  /// In a header, in bytes.
  private static let blockStartOffset = 4

  init(table: MetadataWriter) { self.table = table }

  /// Starts a listing.
  mutating func begin() {
    start = table.position
    indexedBlock = start.block
    size = 0
    index = []
  }

  /// Adds an entry; entries must come in byte order of their names.
  mutating func add(
    name: some Collection<UInt8>, type: FileType, number: UInt32, inode: MetadataPlace
  ) throws {
    let difference = Int64(number) - Int64(runInodeNumber)
    let entersBlock = Int(table.position.offset) + run.count >= MetadataBlock.byteCount
    if runEntries == 0 || runEntries == Self.mostEntries || inode.block != runInodeBlock
      || Int16(exactly: difference) == nil || entersBlock
    {
      try flushRun()
      startRun(name: name, number: number, inode: inode)
    }
    run.append(inode.offset)
    run.append(Int16(Int64(number) - Int64(runInodeNumber)))
    run.append(type.rawValue)
    run.append(UInt16(name.count - 1))
    run.append(name)
    runEntries += 1
  }

  /// Ends the listing.
  ///
  /// - Returns: the fields of the directory's inode, with numbers of blocks in place of their starts;
  ///   `nil` if the listing is too large.
  mutating func end(parent: UInt32) throws -> Inode.Directory? {
    try flushRun()
    guard size + 3 <= Int(UInt32.max) else { return nil }
    return Inode.Directory(
      listing: start.unresolved, listingSize: size, parent: parent, index: index)
  }

  private mutating func startRun(
    name: some Collection<UInt8>, number: UInt32, inode: MetadataPlace
  ) {
    let position = table.position
    if position.block != indexedBlock, index.count < Int(UInt16.max) {
      indexedBlock = position.block
      index.append(
        Inode.IndexEntry(
          offset: UInt32(truncatingIfNeeded: size), blockStart: position.block, name: Array(name)))
    }
    runInodeBlock = inode.block
    runInodeNumber = number
    run.append(UInt32(0))  // the count, known at the end
    run.append(UInt32(0))  // the start of the inodes' block, filled in when it is known
    run.append(number)
  }

  private mutating func flushRun() throws {
    guard runEntries > 0 else { return }
    run.replace(at: 0, with: UInt32(runEntries - 1))
    let link = MetadataLink(offset: Self.blockStartOffset, block: runInodeBlock)
    try run.withBytes { try table.append($0, links: CollectionOfOne(link)) }
    size += run.count
    run.removeAll()
    runEntries = 0
  }
}

import Posix
package import SquashFSFormat
package import TreeModel

/// Reads the entries of a directory one after the other.
package struct DirectoryCursor {
  package struct Entry: Sendable {
    package var name: [UInt8]
    package var inode: MetadataReference
    /// The inode's number, according to the entry.
    package var number: UInt32
    /// The inode's type, according to the entry.
    package var type: FileType
  }

  /// An entry as stored, possibly invalid.
  struct RawEntry {
    var name: [UInt8]
    var inode: MetadataReference
    var number: Int64
    var type: UInt16
    /// Whether it is the first after a header.
    var followsHeader: Bool
  }

  private let table: MetadataTable
  private var cursor: MetadataCursor?
  private var suspended: MetadataReference?
  /// The number of bytes left in the listing.
  package private(set) var remaining: Int
  private let size: Int
  private var header = DirectoryHeader(entryCount: 0, inodeBlockStart: 0, inodeNumber: 0)
  private var entriesLeft: UInt64 = 0
  /// The position in the file of the current metadata block.
  var fileOffset: UInt64? {
    cursor?.fileOffset ?? suspended.map { table.fileOffset($0.blockStart) }
  }
  /// About the latest entry: the place in the table of the metadata block in which it ends, that
  /// block's unpacked size in bytes, and the entry's bytes in the listing, including a header.
  private(set) var latest = (block: UInt64(0)..<0, blockSize: 0, byteCount: 0)
  /// The current header's offset from the listing's start, and its place in the table.
  private(set) var headerOffset = 0
  private(set) var headerReference = MetadataReference(rawValue: 0)

  init(_ table: MetadataTable, _ directory: InodeRecord.Directory) throws(ImageReadError) {
    self.table = table
    remaining = directory.listingSize
    size = remaining
    cursor = remaining > 0 ? try MetadataCursor(table, at: directory.listing) : nil
  }

  /// A place between two entries of a listing, at which a later cursor can go on.
  package struct Position: Equatable, Sendable {
    /// The offset of a header from the listing's start, in bytes.
    package var header: UInt32
    /// The number of entries after the header that come before the place, at most 256.
    package var entries: UInt16

    package init(header: UInt32, entries: UInt16) {
      self.header = header
      self.entries = entries
    }

    /// Before the first entry.
    package static let start = Position(header: 0, entries: 0)
  }

  /// Before the next entry.
  package var position: Position {
    entriesLeft == 0
      ? Position(header: UInt32(size - remaining), entries: 0)
      : Position(header: UInt32(headerOffset), entries: UInt16(header.entryCount - entriesLeft))
  }

  /// The place in the table of the header that `position` names.
  package var positionReference: MetadataReference? {
    entriesLeft == 0 ? cursor?.reference : headerReference
  }

  /// Goes on at a position.
  ///
  /// - Parameter reference: the place of the position's header, if known.
  /// - Throws: `ImageReadError` if the listing has no such position.
  init(
    _ table: MetadataTable, _ directory: InodeRecord.Directory, at position: Position,
    reference: MetadataReference?
  ) throws(ImageReadError) {
    try self.init(table, directory)
    guard position != .start, cursor != nil, Int(position.header) < size else {
      if position.header > 0 { remaining = 0 }
      return
    }
    if let reference {
      cursor = try MetadataCursor(table, at: reference)
    } else {
      try cursor!.skip(UInt64(position.header))
    }
    remaining -= Int(position.header)
    for _ in 0..<position.entries {
      guard try nextRaw() != nil else { return }
    }
  }

  /// Releases the current block, for callers that keep many cursors in deep trees.
  package mutating func suspend() {
    guard let cursor else { return }
    if remaining > 0 || entriesLeft > 0 { suspended = cursor.reference }
    self.cursor = nil
  }

  /// The next entry; `nil` after the last.
  ///
  /// - Throws: `ImageReadError`, also for an invalid name or an unknown type.
  package mutating func next() throws(ImageReadError) -> Entry? {
    guard let raw = try nextRaw() else { return nil }
    guard Self.isName(raw.name), let type = FileType(rawValue: raw.type),
      let number = UInt32(exactly: raw.number)
    else {
      throw .damaged(
        at: fileOffset, "an invalid directory entry: \"\(raw.name.escapedName)\"")
    }
    return Entry(name: raw.name, inode: raw.inode, number: number, type: type)
  }

  /// Whether a file can have this name, and the name cannot redirect a path.
  static func isName(_ name: [UInt8]) -> Bool {
    name.withUnsafeBytes { name in
      let dot = UInt8(ascii: ".")
      if name.count == 1 && name[0] == dot { return false }
      if name.count == 2 && name[0] == dot && name[1] == dot { return false }
      for byte in name where byte == 0 || byte == pathSeparator { return false }
      return !name.isEmpty
    }
  }

  /// The next entry, valid or not.
  mutating func nextRaw() throws(ImageReadError) -> RawEntry? {
    if let place = suspended {
      suspended = nil
      cursor = try MetadataCursor(table, at: place)
    }
    guard cursor != nil else { return nil }
    let followsHeader = entriesLeft == 0
    let before = remaining
    if entriesLeft == 0 {
      guard remaining > 0 else { return nil }
      try take(DirectoryHeader.byteCount)
      headerOffset = size - remaining - DirectoryHeader.byteCount
      headerReference = cursor!.reference
      header = try cursor!.record(DirectoryHeader.byteCount) { DirectoryHeader(parsing: $0) }
      guard header.entryCount <= UInt64(DirectoryHeader.mostEntries) else {
        throw .damaged(
          at: fileOffset, "\(header.entryCount) entries after one directory header")
      }
      entriesLeft = header.entryCount
    }
    try take(DirectoryEntryRecord.byteCount)
    let record = try cursor!.record(DirectoryEntryRecord.byteCount) {
      DirectoryEntryRecord(parsing: $0)
    }
    guard record.nameSize <= DirectoryEntryRecord.longestName else {
      throw .damaged(at: fileOffset, "a name of \(record.nameSize) bytes; the limit is 256")
    }
    try take(record.nameSize)
    let name = try cursor!.bytes(record.nameSize)
    entriesLeft -= 1
    latest = (cursor!.blockRange, cursor!.blockSize, before - remaining)
    return RawEntry(
      name: name,
      inode: MetadataReference(
        blockStart: UInt64(header.inodeBlockStart), offset: Int(record.inodeOffset)),
      number: Int64(header.inodeNumber) + Int64(record.inodeNumberDifference), type: record.type,
      followsHeader: followsHeader)
  }

  private mutating func take(_ count: Int) throws(ImageReadError) {
    guard remaining >= count else {
      throw .damaged(at: fileOffset, "a directory's size does not match its contents")
    }
    remaining -= count
  }
}

import Posix

/// The directory at the end of a zip archive. If libarchive missed it or did without, links,
/// modes and deletions would be lost.
///
/// Layout: PKWARE's APPNOTE.TXT 6.3.10, "Central directory structure" to "End of central directory
/// record".
struct ZipDirectory {
  /// The archive's start in the file; its offsets count from there.
  private(set) var start: Int64 = 0
  /// Where the end record lies, and where the archive ends, comment included.
  private(set) var endRecord: Int64 = 0
  private(set) var end: Int64 = 0
  /// The number of members.
  private(set) var members = 0
  /// The number of names that neither are marked as UTF-8 nor look like it.
  private(set) var foreignNames = 0
  /// Bytes to show libarchive instead of those in the file, by their offsets there.
  private(set) var patches: [(offset: Int64, bytes: [UInt8])] = []

  private static let endRecordSize = 22
  private static let locatorSize = 20
  private static let largeEndRecordSize = 56
  private static let longestComment = 0xffff
  /// How far before the file's end to look for the directory.
  private static let mostBehind: Int64 = 16 << 20
  /// The most directory bytes to read in all, as a multiple of the file's length.
  private static let mostWalks: Int64 = 4

  /// Finds the last complete directory.
  ///
  /// - Parameter limit: where in the file to stop looking.
  /// - Returns: `nil` if there is none.
  /// - Throws: `SourceError` if there is one, but the archive cannot be read.
  init?(of file: FileInput, before limit: Int64 = .max) throws {
    let length = min(file.length ?? 0, limit)
    let chunk = 1 << 20
    var budget = min(max(length, 1 << 20), .max / Self.mostWalks) * Self.mostWalks
    var high = length
    let low = max(0, length - Self.mostBehind - Int64(Self.longestComment))
    while high > low {
      let from = max(low, high - Int64(chunk))
      // Records may lie across two pieces.
      let bytes = try file.bytes(at: from, count: Int(high - from) + Self.endRecordSize - 1)
      var index = min(Int(high - from) - 1, bytes.count - Self.endRecordSize)
      while index >= 0 {
        if bytes[index] == 0x50, bytes[index...].starts(with: [0x50, 0x4b, 5, 6]),
          try take(
            bytes[index..<index + Self.endRecordSize], at: from + Int64(index), file, length,
            &budget)
        {
          return
        }
        index -= 1
      }
      high = from
    }
    return nil
  }

  /// - Parameter record: the end record at `offset`.
  /// - Returns: whether it belongs to a complete directory.
  private mutating func take(
    _ record: ArraySlice<UInt8>, at offset: Int64, _ file: FileInput, _ length: Int64,
    _ budget: inout Int64
  ) throws -> Bool {
    let comment = Int64(record.number(at: 20, 2))
    guard offset + Int64(Self.endRecordSize) + comment <= length else { return false }
    var count = record.number(at: 10, 2)
    var size = record.number(at: 12, 4)
    var stated = record.number(at: 16, 4)
    var directoryEnd = offset
    var isLarge = false
    patches = []
    if let large = try Self.largeEnd(before: offset, file) {
      isLarge = true
      (count, size, stated) = (large.count, large.size, large.directory)
      directoryEnd = large.offset
      // Some writers store 0 as the number of disks; libarchive then ignores the record.
      patches.append((offset - Int64(Self.locatorSize) + 16, [1, 0, 0, 0]))
    }
    guard size <= UInt64(directoryEnd), stated <= UInt64(length) else { return false }
    let directory = directoryEnd - Int64(size)
    let before = directory - Int64(stated)
    guard before >= 0,
      let walk = try Self.walk(directory, directoryEnd, file, &budget),
      isLarge ? walk.members == count : UInt64(walk.members) & 0xffff == count
    else { return false }
    if before > 0 && before % (1 << 32) == 0 && !isLarge {
      throw SourceError(
        .refused, path: file.path,
        "a zip archive over 4 GiB whose directory stores offsets modulo 4 GiB, as macOS's Finder "
          + "writes it", hint: "unpack it with ditto or 7z, and use the directory")
    }
    (start, endRecord, end) = (before, offset, offset + Int64(Self.endRecordSize) + comment)
    (members, foreignNames) = (Int(walk.members), walk.foreignNames)
    patches.append((offset + 20, [0, 0]))  // the comment's length: the archive ends there
    return true
  }

  /// The end record of a zip64 archive, if its locator points to one.
  private static func largeEnd(
    before offset: Int64, _ file: FileInput
  ) throws -> (offset: Int64, count: UInt64, size: UInt64, directory: UInt64)? {
    let both = Int64(locatorSize + largeEndRecordSize)
    guard offset >= both else { return nil }
    let bytes = try file.bytes(at: offset - both, count: Int(both))
    guard bytes.count == Int(both),
      bytes[largeEndRecordSize...].starts(with: [0x50, 0x4b, 6, 7]),
      bytes.starts(with: [0x50, 0x4b, 6, 6])
    else { return nil }
    return (
      offset - both, bytes[...].number(at: 32, 8), bytes[...].number(at: 40, 8),
      bytes[...].number(at: 48, 8)
    )
  }

  /// Reads a directory from its first header to its last.
  ///
  /// - Returns: `nil` if it contains anything else.
  private static func walk(
    _ start: Int64, _ end: Int64, _ file: FileInput, _ budget: inout Int64
  ) throws -> (members: UInt64, foreignNames: Int)? {
    let headerSize: Int64 = 46
    var position = start
    var (members, foreign): (UInt64, Int) = (0, 0)
    var piece: [UInt8] = []
    var pieceStart = start
    while position < end {
      let pieceEnd = pieceStart + Int64(piece.count)
      // A header with its name, attributes and comment is smaller than a piece.
      if pieceEnd < end && position + 4 * 0xffff > pieceEnd {
        guard budget > 0 else { return nil }
        piece = try file.bytes(at: position, count: Int(min(1 << 20, end - position)))
        pieceStart = position
        budget -= Int64(piece.count)
      }
      let header = piece[Int(position - pieceStart)...]
      // A signature of the directory may follow the headers.
      if header.starts(with: [0x50, 0x4b, 5, 5]) { break }
      guard Int64(header.count) >= headerSize, header.starts(with: [0x50, 0x4b, 1, 2]) else {
        return nil
      }
      let name = Int64(header.number(at: 28, 2))
      let rest = Int64(header.number(at: 30, 2) + header.number(at: 32, 2))
      guard position + headerSize + name + rest <= end else { return nil }
      let isUTF8 = header.number(at: 8, 2) & 0x800 != 0
      let bytes = header.dropFirst(Int(headerSize)).prefix(Int(name))
      if !isUTF8 && String(validating: bytes, as: UTF8.self) == nil { foreign += 1 }
      members += 1
      position += headerSize + name + rest
    }
    return (members, foreign)
  }
}

extension ArraySlice<UInt8> {
  /// A little-endian number, `offset` bytes from the slice's start.
  fileprivate func number(at offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(self[startIndex + offset + $1]) << (8 * $1) }
  }
}

import CLibArchive
import Glibc
import Posix
public import TreeModel

/// Reads an archive of any format and compression libarchive knows, in one pass.
public final class ArchiveSource {
  public struct Options: Sendable {
    /// Whether to accept an archive that ends too early, up to its end.
    public var allowsTruncated = false
    /// Whether to read further archives after the end of a tar archive.
    public var ignoresZeros = false
    /// The iconv(1) name of the character set for names in zip archives that are not marked as
    /// UTF-8; `nil` keeps them unchanged.
    public var zipCharset: String?

    public init() {}
  }

  /// Called with sentences about oddities that are not errors.
  public var warn: (String) -> Void = { _ in }

  /// Whether the archive ended too early and the part before was accepted.
  public private(set) var wasCut = false

  let path: [UInt8]
  let options: Options
  let file: FileInput
  var headers = TarHeaders()
  /// The number of archives read to their ends: a source may hold several in a row.
  var segment = 0
  /// The number of entries read, and the name of the last one.
  private(set) var delivered = 0
  private var lastEntry: [UInt8]?
  /// Paths to which a specification gives neither a time nor a file to take it from.
  var withoutTime: Set<[UInt8]> = []

  /// - Parameter path: `-` is standard input.
  /// - Throws: `SourceError` if the file cannot be opened.
  public convenience init(path: [UInt8], options: Options = Options()) throws {
    self.init(try FileInput(path: path), path: path, options: options)
  }

  init(_ file: FileInput, path: [UInt8], options: Options) {
    self.path = path
    self.options = options
    self.file = file
  }

  /// The number of bytes read from the file so far.
  public var bytesRead: UInt64 { UInt64(file.position) }
  /// The file's size, if known.
  public var byteCount: UInt64? { file.length.map { UInt64($0) } }

  /// Delivers all entries in archive order.
  ///
  /// - Throws: `SourceError` if the archive is damaged, cut off, or has an unacceptable entry; what
  ///   `sink` throws.
  public func read(into sink: any EntrySink) throws {
    do {
      let layers = try ArchiveLayers(file, path: path)
      guard try !layers.top.peek(1).isEmpty else {
        throw SourceError(.damaged, path: path, "the file is empty, not an archive")
      }
      let kind = try layers.top.kind()
      try refuseContainer(kind)
      if isNamedAsSpecification && kind == nil {
        try readSpecification(layers, into: sink)
      } else if kind == .zip {
        try readZip(layers, into: sink)
      } else {
        while try readArchive(layers, into: sink) { segment += 1 }
      }
      try file.checkUnchanged()
      if delivered == 0 { warn("the archive has no members") }
    } catch let error as SourceError
      where error.code == .cutOff && options.allowsTruncated && delivered > 0
    {
      wasCut = true
      warn(
        "\(error.cause); packed the \(delivered.grouped) \(delivered == 1 ? "entry" : "entries") "
          + "before that, and nothing after")
    }
  }

  /// Reads the next archive.
  ///
  /// - Returns: whether another one follows that should be read too.
  private func readArchive(_ layers: ArchiveLayers, into sink: any EntrySink) throws -> Bool {
    let start = Array(try layers.top.peek(StreamKind.longestStart))
    var input: any ByteInput = layers.top
    if segment == 0, let file = layers.plainFile {
      try file.seek(to: 0)
      input = file
    }
    let part: ArchivePart
    do {
      part = try ArchivePart(input, path: path, configure: ArchiveFormats.enable)
    } catch let error as SourceError where error.code == .unreadable {
      if layers.format != nil {
        _ = try layers.drain()  // a checksum may reveal that it unpacked to garbage
      } else if segment == 0, let file = layers.plainFile, try ZipDirectory(of: file) != nil {
        try readZip(layers, into: sink)  // behind a program that unpacks it
        return false
      }
      throw error.cause == ArchiveHandle.unknownKind ? unknownKind(start) : error
    }
    try readEntries(of: part, into: sink)
    return try goOn(after: part, in: layers)
  }

  /// Delivers the entries of one archive.
  func readEntries(of part: ArchivePart, into sink: any EntrySink) throws {
    let archive = part.archive
    while let entry = try nextHeader(of: part) {
      let isIndex =
        archive.isAr && archive_entry_pathname(entry).map { strcmp($0, "/") == 0 } == true
      // The index of a static library is not a member.
      if !isIndex { try deliver(entry, from: part, to: sink) }
      delivered += 1
      part.entries += 1
      lastEntry = archive_entry_pathname(entry).map { [UInt8](cString: $0) }
      // Skip here, not as part of the next header: the window grows while a header is read.
      guard archive_read_data_skip(archive.raw) == ARCHIVE_OK else {
        throw archive.failure(entry: lastEntry)
      }
    }
    if archive.isEmpty {
      throw SourceError(.damaged, path: path, "the file is empty, not an archive")
    }
  }

  private func nextHeader(of part: ArchivePart) throws -> OpaquePointer? {
    let archive = part.archive
    part.memberEnd = archive.consumed
    part.window.keep(from: part.memberEnd)
    part.isInHeader = true
    defer { part.isInHeader = false }
    var entry: OpaquePointer?
    switch archive_read_next_header(archive.raw, &entry) {
    case ARCHIVE_OK: return entry
    case ARCHIVE_EOF: return nil
    case ARCHIVE_WARN:
      if archive.isSpecification {
        let isOfContent = LibarchiveMessage.unopenedContent.isSaid(in: archive.message)
        throw specificationError(entry, archive.message, isOfContent: isOfContent)
      }
      try take(warning: archive.message, of: entry)
      return entry
    default:
      let failure = headerFailure(part)
      guard archive.endsWithMember, part.entries > 0 else { throw failure }
      part.headerFailure = failure
      return nil
    }
  }

  /// Why there is no next header.
  private func headerFailure(_ part: ArchivePart) -> any Error {
    let failure = part.archive.failure(after: lastEntry)
    guard failure is SourceError else { return failure }
    // libarchive finds too few bytes and gives no message.
    if part.archive.isCpio && !part.archive.hasMessage {
      return SourceError.cutOff(path, "it has no trailer")
    }
    if part.archive.isTar, headers.type == UInt8(ascii: "1"), let size = headers.size, size > 0,
      let lastEntry
    {
      return SourceError(
        .damaged, path: path,
        "damaged archive at \(lastEntry.escapedName): a hard link claims "
          + "\(size.grouped) bytes of its own, and no member follows",
        hint: "make the archive again; the GNU and old tar formats store no data with hard links")
    }
    return failure
  }

  /// Continues after a warning about something that no image stores.
  ///
  /// - Throws: `SourceError` if libarchive lost or guessed anything else: a name, a size, a file.
  private func take(warning: String, of entry: OpaquePointer?) throws {
    // We take names in tar and cpio as bytes, whatever their character set.
    if LibarchiveMessage.keptName.isSaid(in: warning) { return }
    let isOfName =
      LibarchiveMessage.convertedName.isSaid(in: warning) && options.zipCharset == nil
    if isOfName || LibarchiveMessage.unreadableACL.isSaid(in: warning) { return warn(warning) }
    let name = archive_entry_pathname(entry).map { [UInt8](cString: $0).escapedName } ?? "an entry"
    throw SourceError(.damaged, path: path, "damaged archive at \(name): \(warning)")
  }

  private func deliver(
    _ raw: OpaquePointer, from part: ArchivePart, to sink: any EntrySink
  ) throws {
    let archive = part.archive
    if archive.isTar {
      headers.read(at: archive_read_header_position(archive.raw), in: part.window)
      guard headers.areWellFormed else {
        throw SourceError(
          .damaged, path: path,
          "damaged archive: malformed records in the pax header of "
            + (archive_entry_pathname(raw).map { [UInt8](cString: $0).escapedName } ?? "an entry"))
      }
    }
    let entry = try treeEntry(raw, archive)
    do {
      try sink.add(entry) { content in
        try self.readContent(of: raw, entry, from: part, into: content)
      }
    } catch let cut as UnreadableFile {
      throw cut.reason
    }
  }
}

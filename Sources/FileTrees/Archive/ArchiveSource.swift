internal import CLibArchive
internal import Glibc
internal import Posix
public import TreeModel

/// Reads an archive of any format and compression that libarchive knows, in one pass.
public final class ArchiveSource {
  public struct Options: Sendable {
    /// Whether an archive that ends too early is read as far as it goes.
    public var allowsTruncated = false

    public init() {}
  }

  /// Called with sentences about what is odd but no error.
  public var warn: (String) -> Void = { _ in }

  /// Whether the archive ended too early, and what came before was taken.
  public private(set) var wasCut = false
  /// The number of entries read.
  private var delivered = 0

  let path: [UInt8]
  private let options: Options
  private let file: FileInput
  var headers = TarHeaders()
  /// What a specification has no time for, and no file whose time it could be.
  private(set) var withoutTime: Set<[UInt8]> = []

  /// - Parameter path: `-` is standard input.
  /// - Throws: `SourceError` when the file cannot be opened.
  public init(path: [UInt8], options: Options = Options()) throws {
    self.path = path
    self.options = options
    file = try FileInput(path: path)
  }

  /// The number of bytes read from the file so far.
  public var bytesRead: UInt64 { UInt64(file.position) }
  /// The file's size, where known.
  public var byteCount: UInt64? { file.length.map { UInt64($0) } }

  /// Delivers all entries in the order of the archive.
  ///
  /// - Throws: `SourceError` when the archive is damaged, cut off, or has an entry that is not
  ///   acceptable; what `sink` throws.
  public func read(into sink: any EntrySink) throws {
    let input = try unpackedInput(of: file)
    if isNamedAsSpecification && file.isSeekable { withoutTime = try findWithoutTime() }
    let window = StreamWindow()
    var isInHeader = true
    var handle: ArchiveHandle?
    let archive = try ArchiveHandle(
      input, path: path,
      observe: { piece, position in
        window.append(
          piece, at: position, consumed: handle?.consumed ?? 0, isInHeader: isInHeader)
      },
      configure: { [isNamedAsSpecification] raw in
        archive_read_support_filter_none(raw)
        Self.enableFormats(raw)
        if isNamedAsSpecification {
          archive_read_support_format_mtree(raw)
          // Lets it name files with the contents.
          archive_read_set_format_option(raw, "mtree", "checkfs", "1")
        }
      })
    handle = archive
    defer { handle = nil }
    do {
      while true {
        isInHeader = true
        guard let entry = try nextHeader(of: archive) else { break }
        isInHeader = false
        if !input.isSeekable { try refuseStreamedZip(archive) }
        try deliver(entry, from: archive, window, to: sink)
        delivered += 1
        // Here, not as part of the next header: the window grows while a header is read.
        guard archive_read_data_skip(archive.raw) == ARCHIVE_OK else {
          throw archive.failure()
        }
      }
      try checkEnd(of: archive, isStream: !input.isSeekable, window)
    } catch let error as SourceError
      where error.code == .cutOff && options.allowsTruncated && delivered > 0
    {
      wasCut = true
      warn(
        "\(error.cause); \(delivered.grouped) \(delivered == 1 ? "entry" : "entries") before that "
          + "went in, and nothing of what follows")
    }
  }

  /// libarchive takes what a specification does not say from the directory it is read in, which
  /// changes: another look without that tells what it does not say.
  private func findWithoutTime() throws -> Set<[UInt8]> {
    let input = try unpackedInput(of: FileInput(path: path))
    // What is wrong with it comes up when it is read in earnest.
    guard
      let archive = try? ArchiveHandle(
        input, path: path,
        configure: {
          archive_read_support_filter_none($0)
          archive_read_support_format_mtree($0)
        })
    else { return [] }
    var paths: Set<[UInt8]> = []
    var entry: OpaquePointer?
    while [ARCHIVE_OK, ARCHIVE_WARN].contains(archive_read_next_header(archive.raw, &entry)) {
      if archive_entry_mtime_is_set(entry) == 0,
        UInt32(archive_entry_filetype(entry)) != carchive_ifreg,
        let name = archive_entry_pathname(entry)
      {
        paths.insert([UInt8](cString: name))
      }
    }
    return paths
  }

  /// The archive without its compression.
  private func unpackedInput(of file: FileInput) throws -> any ByteInput {
    let input = try decompressed(file)
    return isNamedAsSpecification ? SpecificationInput(input) : input
  }

  private func decompressed(_ file: FileInput) throws -> any ByteInput {
    let first = try file.next()
    guard !first.isEmpty else {
      throw SourceError(.damaged, path: path, "the file is empty, not an archive")
    }
    if first.count > 2, first[0] == 0x1f, first[1] == 0x8b {
      let gzip = try GzipInput(file, path: path, first: first)
      let warn = warn
      gzip.reportTrailingGarbage = { warn("ignored bytes after the end of the gzip data") }
      return gzip
    }
    let filter = try FilterInput(file, path: path, first: first)
    if !filter.isFiltered && file.isSeekable {
      try file.seek(to: 0)
      return file
    }
    return filter
  }

  private func nextHeader(of archive: ArchiveHandle) throws -> OpaquePointer? {
    var entry: OpaquePointer?
    switch archive_read_next_header(archive.raw, &entry) {
    case ARCHIVE_OK: return entry
    case ARCHIVE_EOF: return nil
    case ARCHIVE_WARN:
      if archive_format(archive.raw) == ARCHIVE_FORMAT_MTREE {
        throw specificationError(entry, archive.message)
      }
      try take(warning: archive.message, of: entry)
      return entry
    default:
      throw archive.failure()
    }
  }

  /// Goes on where libarchive could not make sense of something that no image has.
  ///
  /// - Throws: `SourceError` where it left out or guessed something else: a name, a size, a file.
  private func take(warning: String, of entry: OpaquePointer?) throws {
    // Names in tar and cpio are taken as bytes, whatever their character set.
    if warning.contains("can't be converted") { return }
    let isOfNames = warning.contains("cannot be converted")
    let isOfACLs = warning.contains(".acl.") || warning.contains("ACL attribute")
    if isOfNames || isOfACLs { return warn(warning) }
    let name = archive_entry_pathname(entry).map { [UInt8](cString: $0).escapedName } ?? "an entry"
    throw SourceError(.damaged, path: path, "damaged archive at \(name): \(warning)")
  }

  /// All formats but mtree: a specification can put any file of the user's into the image, so
  /// nothing from elsewhere may pass for one.
  private static func enableFormats(_ raw: OpaquePointer) {
    archive_read_support_format_tar(raw)
    archive_read_support_format_cpio(raw)
    archive_read_support_format_zip(raw)
    archive_read_support_format_7zip(raw)
    archive_read_support_format_ar(raw)
    archive_read_support_format_cab(raw)
    archive_read_support_format_iso9660(raw)
    archive_read_support_format_lha(raw)
    archive_read_support_format_rar(raw)
    archive_read_support_format_rar5(raw)
    archive_read_support_format_warc(raw)
    archive_read_support_format_xar(raw)
    archive_read_support_format_empty(raw)
  }

  /// A zip archive's modes and links are in its directory, at the end.
  private func refuseStreamedZip(_ archive: ArchiveHandle) throws {
    guard archive_format(archive.raw) & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_ZIP else {
      return
    }
    throw SourceError(
      .refused, path: path,
      "a zip archive cannot be read as a stream, its directory is at the end; name the plain file")
  }

  /// Whether the user can see that the source is an mtree specification.
  private var isNamedAsSpecification: Bool {
    let name = path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...]
    return name.split(separator: UInt8(ascii: ".")).dropFirst().suffix(2)
      .contains { $0.elementsEqual("mtree".utf8) }
  }

  private func specificationError(_ entry: OpaquePointer?, _ reason: String) -> SourceError {
    let name = archive_entry_pathname(entry).map { [UInt8](cString: $0) } ?? path
    let isFile = UInt32(archive_entry_filetype(entry)) == carchive_ifreg
    let isOfContent = ["Can't open", "Could not fstat", "not found", "bytes where"]
      .contains { reason.contains($0) }
    guard isFile && isOfContent else {
      return SourceError(.unreadable, path: name, "the specification is not understood: \(reason)")
    }
    return SourceError(
      .unreadable, path: name,
      "its content cannot be read (\(reason)); name a file with contents=, or have one of this name "
        + "in the current directory. A manifest has no contents: verify --manifest and diff read it"
    )
  }

  private func isTar(_ archive: ArchiveHandle) -> Bool {
    archive_format(archive.raw) & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_TAR
  }

  // MARK: Entries

  private func deliver(
    _ raw: OpaquePointer, from archive: ArchiveHandle, _ window: StreamWindow,
    to sink: any EntrySink
  ) throws {
    if isTar(archive) {
      headers.read(at: archive_read_header_position(archive.raw), in: window)
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
        try self.readContent(of: raw, entry, from: archive, into: content)
      }
    } catch let cut as UnreadableFile {
      throw cut.reason
    }
  }

  private func readContent(
    of raw: OpaquePointer, _ entry: TreeEntry, from archive: ArchiveHandle,
    into content: any ContentSink
  ) throws {
    let size = archive_entry_size_is_set(raw) != 0 ? archive_entry_size(raw) : nil
    // libarchive takes a file that it does not find for an empty one, without an inode number.
    if archive_format(archive.raw) == ARCHIVE_FORMAT_MTREE && size == 0
      && archive_entry_ino_is_set(raw) == 0
    {
      throw specificationError(raw, "not found")
    }
    var position: Int64 = 0
    var base: UnsafeRawPointer?
    var count = 0
    var offset: Int64 = 0
    while true {
      let status = archive_read_data_block(archive.raw, &base, &count, &offset)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK else {
        // Dropped by whoever takes the content, before the error goes on its way.
        let failure = archive.failure(entry: entry.path)
        if let failure = failure as? SourceError { throw UnreadableFile(reason: failure) }
        throw failure
      }
      guard offset >= position, offset <= Int64.max - Int64(count) else {
        throw archive.failure(entry: entry.path)
      }
      if offset > position { try content.addHole(UInt64(offset - position)) }
      try content.append(UnsafeRawBufferPointer(start: base, count: count))
      position = offset + Int64(count)
    }
    guard let size else { return }
    guard position <= size else {
      throw UnreadableFile(
        reason: SourceError(
          .damaged, path: path, "\(entry.path.escapedName) has more data than it says"))
    }
    if archive_format(archive.raw) == ARCHIVE_FORMAT_MTREE && position < size {
      throw specificationError(raw, "\(position) bytes where the specification has \(size)")
    }
    if archive_entry_sparse_count(raw) == 0 && !isSparse(archive) && position < size {
      throw UnreadableFile(
        reason: SourceError(
          .cutOff, path: path,
          "damaged or cut-off archive at \(entry.path.escapedName): "
            + "\(size - position) bytes of \(size) are missing"))
    }
    if size > position { try content.addHole(UInt64(size - position)) }
  }

  /// Whether the current tar member is sparse in one of the four GNU forms or star's.
  private func isSparse(_ archive: ArchiveHandle) -> Bool {
    isTar(archive)
      && (headers.type == UInt8(ascii: "S")
        || headers.local.keys.contains {
          $0.starts(with: Array("GNU.sparse.".utf8)) || $0 == Array("SCHILY.realsize".utf8)
        })
  }

  // MARK: The end

  /// Makes sure that the archive is whole: tar ends with two blocks of zeros, and a compressed
  /// stream with its own mark and checksum.
  private func checkEnd(
    of archive: ArchiveHandle, isStream: Bool, _ window: StreamWindow
  ) throws {
    let format = archive_format(archive.raw)
    if format & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_EMPTY {
      throw SourceError(.damaged, path: path, "the file is empty, not an archive")
    }
    if isTar(archive) { try checkTarEnd(archive, window) }
    if format & ARCHIVE_FORMAT_BASE_MASK == ARCHIVE_FORMAT_ZIP { try checkZipEnd() }
    if isStream { try archive.drain() }
  }

  private func checkTarEnd(_ archive: ArchiveHandle, _ window: StreamWindow) throws {
    // After headers that stand for no member: global ones, volume labels.
    headers.read(at: archive_read_header_position(archive.raw), in: window)
    var end = window.slice(at: headers.position, count: 1024)
    while let found = end, found.count < 1024, try archive.readAhead() {
      end = window.slice(at: headers.position, count: 1024)
    }
    let zeros = end?.prefix { $0 == 0 }.count ?? 0
    if zeros >= 1024 { return }
    guard zeros >= 512 else {
      throw SourceError(
        .cutOff, path: path, "the archive is cut off: it has no end-of-archive block",
        hint: "fetch or make it again, or --allow-truncated")
    }
    warn("a lone block of zeros at the end, where two belong")
  }

  /// A zip archive ends with its directory, which has the modes: libarchive does without it, or
  /// takes the end of an archive within the archive for it.
  private func checkZipEnd() throws {
    let length = file.length ?? 0
    let tail = try file.bytes(at: max(0, length - 65535 - 22), count: 65535 + 22)
    func number(_ offset: Int, _ count: Int) -> Int64 {
      (0..<count).reduce(0) { $0 | Int64(tail[offset + $1]) << (8 * $1) }
    }
    var start = tail.count - 22
    while start >= 0 {
      if tail[start...].starts(with: [0x50, 0x4b, 5, 6]),
        start + 22 + Int(number(start + 20, 2)) == tail.count
      {
        let (size, offset) = (number(start + 12, 4), number(start + 16, 4))
        // Of an archive beyond 4 GiB the fields say so, and the true ones are elsewhere.
        let isLarge =
          size == 0xffff_ffff || offset == 0xffff_ffff || number(start + 10, 2) == 0xffff
        if isLarge || offset + size == length - Int64(tail.count - start) { return }
      }
      start -= 1
    }
    throw SourceError(
      .cutOff, path: path, "the archive is cut off: its directory is not at the end",
      hint: "fetch or make it again")
  }
}

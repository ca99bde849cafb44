import CLibArchive
import Glibc
import Posix
import TreeModel

/// mtree(5) specifications, which name the files that hold the contents.
extension ArchiveSource {
  /// Whether the source's name shows that it is an mtree specification, compressed or not.
  var isNamedAsSpecification: Bool {
    let name = path.lastPathComponent
    let parts = name.split(separator: UInt8(ascii: ".")).dropFirst()
    guard let last = parts.last else { return false }
    if last.elementsEqual("mtree".utf8) { return true }
    return parts.dropLast().last?.elementsEqual("mtree".utf8) == true
      && Self.compressions.contains { last.elementsEqual($0.utf8) }
  }

  private static let compressions = ["gz", "bz2", "xz", "lzma", "lz", "zst", "lz4", "lzo", "Z"]

  func readSpecification(_ layers: ArchiveLayers, into sink: any EntrySink) throws {
    if file.isSeekable { withoutTime = try findWithoutTime() }
    let part = try ArchivePart(SpecificationInput(layers.top), path: path) { raw in
      archive_read_support_format_empty(raw)
      archive_read_support_format_mtree(raw)
      // Allows it to name the files with the contents.
      archive_read_set_format_option(raw, "mtree", "checkfs", "1")
    }
    try readEntries(of: part, into: sink)
    _ = try layers.drain()
  }

  /// libarchive fills gaps in a specification from the current directory, which changes; a second
  /// pass without that finds the gaps.
  private func findWithoutTime() throws -> Set<[UInt8]> {
    let layers = try ArchiveLayers(FileInput(path: path), path: path)
    // Its errors come up in the actual reading.
    guard
      let archive = try? ArchiveHandle(
        SpecificationInput(layers.top), path: path,
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

  /// The file from which libarchive reads an entry's content. libarchive hides its descriptor, so
  /// this finds the latest one open on a file with the entry's number.
  ///
  /// - Parameter raw: the entry whose header was just read.
  func openedFile(of raw: OpaquePointer) -> (descriptor: Int32, stamp: FileStamp)? {
    let next = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
    guard next >= 0 else { return nil }
    close(next)
    for descriptor in stride(from: next - 1, through: 3, by: -1) {
      if let status = stat(of: descriptor), status.isRegular,
        Int64(status.st_ino) == archive_entry_ino64(raw)
      {
        let stamp = FileStamp(status)
        stamp.settle()
        return (descriptor, stamp)
      }
    }
    return nil
  }

  /// - Parameter isOfContent: whether the fault lies in a file named for the content.
  func specificationError(
    _ entry: OpaquePointer?, _ reason: String, isOfContent: Bool
  ) -> SourceError {
    let name = archive_entry_pathname(entry).map { [UInt8](cString: $0) } ?? path
    let isFile = UInt32(archive_entry_filetype(entry)) == carchive_ifreg
    guard isFile && isOfContent else {
      return SourceError(.unreadable, path: name, "cannot parse the specification: \(reason)")
    }
    return SourceError(
      .unreadable, path: name,
      "its content cannot be read (\(reason)); name a file with contents=, or put one of this name "
        + "into the current directory. A manifest has no contents: verify --manifest and diff read it"
    )
  }
}

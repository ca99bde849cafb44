import CLibArchive
import Glibc
import Posix
import TreeModel

/// Zip archives, read by their directories alone.
extension ArchiveSource {
  /// Whether names can be converted from this character set.
  public static func knows(charset: String) -> Bool {
    let converter = iconv_open("UTF-8", charset)
    guard let converter, Int(bitPattern: converter) != -1 else { return false }
    iconv_close(converter)
    return true
  }

  func readZip(_ layers: ArchiveLayers, into sink: any EntrySink) throws {
    guard let file = layers.plainFile else {
      throw SourceError(
        .refused, path: path,
        "a zip archive cannot be read as a stream: its directory is at the end; name the plain file"
      )
    }
    guard let directory = try ZipDirectory(of: file) else {
      throw SourceError.cutOff(path, "its directory is not at the end", canTakeStart: false)
    }
    try lookAround(directory, file)
    if directory.members == 0 { return }  // libarchive does not support that
    let part = try ArchivePart(ZipInput(file, directory), path: path) { raw in
      ArchiveFormats.enableZipDirectory(raw)
      if let charset = options.zipCharset {
        archive_read_set_format_option(raw, "zip", "hdrcharset", charset)
      }
    }
    try readEntries(of: part, into: sink)
    guard part.entries == directory.members else {
      throw SourceError(
        .damaged, path: path,
        "damaged archive: its directory has \(directory.members.counted("member")), but "
          + "\(part.entries.grouped) could be read")
    }
    if directory.foreignNames > 0 && options.zipCharset == nil {
      warn(
        directory.foreignNames == 1
          ? "1 name is not UTF-8; --zip-charset cp437 (or gbk, shift_jis, …) converts it"
          : "\(directory.foreignNames.grouped) names are not UTF-8; --zip-charset cp437 (or gbk, "
            + "shift_jis, …) converts them")
    }
  }

  /// Refuses archives before and behind this one; reports anything else.
  private func lookAround(_ directory: ZipDirectory, _ file: FileInput) throws {
    if directory.start > 0 {
      try file.seek(to: 0)
      var kind = try PushbackInput(file).kind()
      if kind == nil {
        try file.seek(to: 0)
        // Self-extracting programs contain magic numbers of other archives, but no complete ones.
        kind = try ArchiveSearch.drain(PushbackInput(file), upTo: directory.start) { $0 == .tar }
          .kind
      }
      if kind == nil, try ZipDirectory(of: file, before: directory.start) != nil { kind = .zip }
      if let kind {
        throw SourceError(
          .cutOff, path: path,
          "the archive is cut off, or the file holds several: \(kind.name) begins before "
            + "the last one", hint: "fetch or make it again, or split it")
      }
      warn("\(directory.start.counted("byte")) before the start of the archive ignored")
    }
    let length = file.length ?? 0
    guard directory.end < length else { return }
    try file.seek(to: directory.end)
    let rest = PushbackInput(file)
    try rest.skipZeros()
    let first = try rest.kind()
    let (count, found) = try ArchiveSearch.drain(rest)
    if let kind = first ?? found {
      throw SourceError(
        .refused, path: path,
        "\(kind.name) follows the end of this one: \(count.counted("byte")) would be lost",
        hint: "split the file, and use the part you want")
    }
    if count > 0 { warn("\(count.counted("byte")) after the end of the archive ignored") }
  }
}

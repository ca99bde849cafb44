internal import CLibArchive
internal import Glibc
internal import Posix
internal import TreeModel

/// Reads an mtree(5) specification as a list of what should be there; no file that it names is
/// looked at.
public struct ManifestReader {
  private let path: [UInt8]
  /// The image's own size and digest, where a comment has them.
  public private(set) var imageSize: UInt64?
  public private(set) var imageDigest: SHA256.Digest?

  public init(path: [UInt8]) { self.path = path }

  /// Reads it all.
  ///
  /// - Throws: `SourceError` when it cannot be read or is no specification.
  public mutating func read() throws -> DigestedTree {
    try readComments()
    let input = try FileInput(path: path)
    let archive = try ArchiveHandle(input, path: path) { raw in
      archive_read_support_filter_none(raw)
      archive_read_support_format_mtree(raw)
    }
    var options = TreeAssembler.Options()
    options.ownership.owner = .keep
    options.ownership.keepsSetID = true
    let sink = DigestSink()
    let assembler = TreeAssembler(options, content: sink)
    // libarchive does not tell these from zeros.
    var unknown: Set<Aspect> = [.xattrs, .sockets]
    if !keywords.isSuperset(of: ["nlink", "inode"]) { unknown.insert(.links) }
    if !keywords.contains("mode") { unknown.insert(.mode) }
    if !keywords.isSuperset(of: ["uid", "gid"]) { unknown.insert(.owner) }
    var links: [Int64: [UInt8]] = [:]
    while true {
      var raw: OpaquePointer?
      let status = archive_read_next_header(archive.raw, &raw)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let raw else {
        throw archive.failure(.damaged)
      }
      let entry = try entry(raw, &unknown, &links)
      _ = try assembler.add(entry) { _ in
        sink.setKnown(content(of: raw, &unknown))
      }
    }
    return DigestedTree(try assembler.finish(), sink, unknown: unknown)
  }

  private var keywords: Set<String> = []

  /// What libarchive passes over: the comments, and which of some keywords occur at all.
  private mutating func readComments() throws {
    let input = try FileInput(path: path)
    var rest: [UInt8] = []
    while true {
      let bytes = try input.next()
      rest.append(contentsOf: bytes)
      let end = bytes.isEmpty ? rest.endIndex : rest.lastIndex(of: UInt8(ascii: "\n")) ?? 0
      for line in rest[..<end].split(separator: UInt8(ascii: "\n")) { note(line) }
      if bytes.isEmpty { return }
      rest.removeSubrange(..<end)
      guard rest.count <= Self.longestLine else {
        throw SourceError(.damaged, path: path, "a line of more than a megabyte")
      }
    }
  }

  private static let longestLine = 1 << 20

  private mutating func note(_ line: ArraySlice<UInt8>) {
    if line.first == UInt8(ascii: "#") {
      let text = String(decoding: line, as: UTF8.self)
      if text.hasPrefix(ManifestWriter.sizeKey) {
        imageSize = UInt64(text.dropFirst(ManifestWriter.sizeKey.count))
      } else if text.hasPrefix(ManifestWriter.digestKey) {
        imageDigest = SHA256.Digest(
          hexadecimal: Array(text.dropFirst(ManifestWriter.digestKey.count).utf8))
      }
    } else if keywords.count < 5 {
      for word in line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      ) {
        for keyword in ["mode", "uid", "gid", "nlink", "inode"]
        where word.starts(with: Array("\(keyword)=".utf8)) {
          keywords.insert(keyword)
        }
      }
    }
  }

  private func entry(
    _ raw: OpaquePointer, _ unknown: inout Set<Aspect>, _ links: inout [Int64: [UInt8]]
  ) throws -> TreeEntry {
    guard let name = archive_entry_pathname(raw).map({ [UInt8](cString: $0) }) else {
      throw SourceError(.damaged, path: path, "an entry whose name cannot be read")
    }
    if archive_entry_mtime_is_set(raw) == 0 { unknown.insert(.mtime) }
    let attributes = Attributes(
      permissions: UInt16(truncatingIfNeeded: archive_entry_perm(raw) & 0o7777),
      uid: UInt32(exactly: archive_entry_uid(raw)) ?? 0,
      gid: UInt32(exactly: archive_entry_gid(raw)) ?? 0,
      modified: Int64(archive_entry_mtime(raw)))
    var entry = TreeEntry(path: name, kind: .fifo, attributes: attributes)
    switch UInt32(archive_entry_filetype(raw)) {
    case carchive_ifreg: entry.kind = .regular(size: nil)
    case carchive_ifdir: entry.kind = .directory
    case carchive_iflnk:
      guard let target = archive_entry_symlink(raw) else {
        throw SourceError(.damaged, path: path, "\(name.escapedName) is a link without a target")
      }
      entry.kind = .symlink(target: [UInt8](cString: target))
    case carchive_ifblk: entry.kind = .blockDevice(DeviceNumber(of: raw))
    case carchive_ifchr: entry.kind = .characterDevice(DeviceNumber(of: raw))
    case carchive_ififo: entry.kind = .fifo
    case carchive_ifsock: entry.kind = .socket
    default:
      throw SourceError(.damaged, path: path, "\(name.escapedName) has no type")
    }
    if entry.kind != .directory, archive_entry_nlink(raw) > 1,
      archive_entry_ino_is_set(raw) != 0
    {
      let number = archive_entry_ino64(raw)
      if let first = links[number] {
        entry.kind = .hardLink(target: first, hasContent: false)
      } else {
        links[number] = name
      }
    }
    return entry
  }

  private func content(
    of raw: OpaquePointer, _ unknown: inout Set<Aspect>
  ) -> DigestSink.Content {
    var digest: SHA256.Digest?
    if let pointer = archive_entry_digest(raw, ARCHIVE_ENTRY_DIGEST_SHA256) {
      let bytes = UnsafeRawBufferPointer(start: pointer, count: SHA256.Digest.byteCount)
      // libarchive has zeros for "none".
      if bytes.contains(where: { $0 != 0 }) { digest = SHA256.Digest(bytes) }
    }
    let size =
      archive_entry_size_is_set(raw) != 0 ? UInt64(max(0, archive_entry_size(raw))) : nil
    if digest == nil { unknown.insert(.content) }
    if size == nil { unknown.insert(.size) }
    return DigestSink.Content(size: size, digest: digest)
  }
}

extension DeviceNumber {
  /// The device of an archive's entry.
  init(of raw: OpaquePointer) {
    self.init(
      major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(raw)),
      minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(raw)))
  }
}

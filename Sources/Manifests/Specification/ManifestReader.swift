import CLibArchive
import FileTrees
import Glibc
import Posix
import TreeModel

/// Reads an mtree(5) specification as a list of what should exist; does not look at the files it
/// names.
public struct ManifestReader {
  /// What a manifest's comments say about its image.
  public struct Image: Equatable {
    public var size: UInt64
    public var digest: ImageDigest
  }

  private let path: [UInt8]
  private let input: RereadableInput

  // Results of the first pass, which does not use libarchive:

  /// Whether it has the first line or a keyword of mtree(5).
  private var isSpecification = false
  /// Whether `ManifestWriter` wrote it: then what it does not mention does not exist.
  private var isOurs = false
  /// The image's size according to a comment.
  private var imageSize: UInt64?
  /// The image's digest according to a comment.
  private var imageDigest: ImageDigest?
  /// The tag of each tagged name: names of one file share one; only if `isOurs`.
  private var tags: [[UInt8]: [UInt8]] = [:]
  /// The keywords from `watched` that occur on any line.
  private var keywords: Set<String> = []
  /// Whether some files lack a size, which libarchive takes for empty.
  private var lacksSizes = false
  /// Whether lines without a type describe files; `/set` lines change it.
  private var isFileByDefault = true
  /// The keywords of `/set` lines, whose values libarchive copies to every entry.
  private var defaults: Set<[UInt8]> = []

  /// Keywords for which libarchive reports zeros if they are missing.
  private static let watched = ["mode", "uid", "gid", "nlink", "inode", "device"]
  /// More keywords than mtree(5) has.
  private static let mostDefaults = 64
  /// In bytes, including joined lines.
  private static let longestLine = 1 << 20

  /// The image's own size and digest, if comments give them.
  public var image: Image? {
    imageSize.flatMap { size in imageDigest.map { Image(size: size, digest: $0) } }
  }

  /// The image's facts from a file's first lines, if it is an image's manifest.
  ///
  /// - Returns: `nil` for any other file, or none.
  public static func image(of path: [UInt8]) -> Image? {
    guard var reader = try? ManifestReader(path: path), let head = try? reader.input.next(),
      head.starts(with: "#mtree\n".utf8)
    else { return nil }
    let lines = head.split(separator: UInt8(ascii: "\n"))
    for line in lines.prefix(while: { $0.first == UInt8(ascii: "#") }) {
      try? reader.note(Array(line))
    }
    return reader.image
  }

  /// - Throws: `SourceError` if it cannot be opened.
  public init(path: [UInt8]) throws {
    self.path = path
    input = try RereadableInput(path: path)
  }

  /// Reads everything; call it once.
  ///
  /// - Throws: `SourceError` if it is unreadable or not a specification.
  public mutating func read() throws -> DigestedTree {
    try readComments()
    guard isSpecification else {
      throw SourceError(.damaged, path: path, "not an mtree(5) specification")
    }
    try input.repeatAll()
    let archive = try ArchiveHandle(SpecificationInput(input), path: path) { raw in
      archive_read_support_filter_none(raw)
      archive_read_support_format_mtree(raw)
    }
    var options = TreeAssembler.Options()
    options.ownership.owner = .keep
    options.ownership.keepsSetID = true
    let sink = DigestSink()
    let assembler = TreeAssembler(options, content: sink)
    // libarchive does not distinguish these from zeros.
    var unknown: Set<Aspect> = [.xattrs, .sockets]
    if !isOurs && !keywords.isSuperset(of: ["nlink", "inode"]) { unknown.insert(.links) }
    if !keywords.contains("mode") { unknown.insert(.mode) }
    if !keywords.isSuperset(of: ["uid", "gid"]) { unknown.insert(.owner) }
    if !isOurs && !keywords.contains("device") { unknown.insert(.device) }
    var links = Links()
    while true {
      var raw: OpaquePointer?
      let status = archive_read_next_header(archive.raw, &raw)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let raw else {
        throw archive.failure()
      }
      let entry = try entry(raw, &unknown, &links)
      _ = try assembler.add(entry) { _ in
        sink.setKnown(content(of: raw, &unknown))
      }
    }
    return DigestedTree(try assembler.finish(), sink, unknown: unknown)
  }

  /// The first name of each file with several names, by its number or its tag.
  private struct Links {
    var byNumber: [Int64: [UInt8]] = [:]
    var byTag: [[UInt8]: [UInt8]] = [:]
  }

  /// Collects what libarchive skips: the comments, and which keywords occur.
  private mutating func readComments() throws {
    var rest: [UInt8] = []
    var joined: [UInt8] = []
    while true {
      let bytes = try input.next()
      rest.append(contentsOf: bytes)
      let end = bytes.isEmpty ? rest.endIndex : rest.lastIndex(of: UInt8(ascii: "\n")) ?? 0
      for line in rest[..<end].split(separator: UInt8(ascii: "\n")) {
        // A backslash at the end of a line joins it to the next.
        joined += line
        if joined.last == UInt8(ascii: "\\") {
          joined[joined.count - 1] = UInt8(ascii: " ")
        } else {
          try note(joined)
          joined.removeAll(keepingCapacity: true)
        }
      }
      rest.removeSubrange(..<end)
      guard rest.count + joined.count <= Self.longestLine else {
        throw SourceError(.damaged, path: path, "a line of more than a megabyte")
      }
      if bytes.isEmpty { return try note(joined) }
    }
  }

  private mutating func note(_ line: [UInt8]) throws(SourceError) {
    if line.first == UInt8(ascii: "#") {
      isSpecification = isSpecification || line.starts(with: "#mtree".utf8)
      let text = String(decoding: line, as: UTF8.self)
      if text.hasPrefix(ManifestWriter.sizeKey) {
        imageSize = UInt64(text.dropFirst(ManifestWriter.sizeKey.count))
      } else if let digest = ImageDigest(line: text) {
        imageDigest = digest
      } else if text == ManifestWriter.linksLine {
        isOurs = true
      }
      return
    }
    let words = line.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
    guard let first = words.first, !first.elementsEqual("..".utf8) else { return }
    func has(_ keyword: String) -> Bool {
      words.contains { $0.starts(with: Array("\(keyword)=".utf8)) }
    }
    let type = words.last { $0.starts(with: Array("type=".utf8)) }
    let isFile = type.map { $0.elementsEqual("type=file".utf8) }
    isSpecification = isSpecification || type != nil
    if first.elementsEqual("/set".utf8) {
      isFileByDefault = isFile ?? isFileByDefault
      for word in words.dropFirst() {
        defaults.insert(Array(word.prefix { $0 != UInt8(ascii: "=") }))
        guard defaults.count <= Self.mostDefaults, word.count <= 1024 else {
          throw SourceError(.damaged, path: path, "/set with more keywords than mtree(5) has")
        }
      }
    } else if !first.isAbsolutePath, isFile ?? isFileByDefault, !has("size") {
      lacksSizes = true
    }
    if isOurs, let tag = words.last(where: { $0.starts(with: ManifestWriter.linkTag.utf8) }) {
      tags[Self.unescape(first)] = Array(tag)
    }
    guard keywords.count < Self.watched.count else { return }
    for keyword in Self.watched where !keywords.contains(keyword) && has(keyword) {
      keywords.insert(keyword)
    }
  }

  private func entry(
    _ raw: OpaquePointer, _ unknown: inout Set<Aspect>, _ links: inout Links
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
      let target = archive_entry_symlink(raw)
      if target == nil { unknown.insert(.target) }
      // Unknown targets are not compared, but every link in a tree needs one.
      entry.kind = .symlink(target: target.map { [UInt8](cString: $0) } ?? Array("?".utf8))
    case carchive_ifblk: entry.kind = .blockDevice(DeviceNumber(of: raw))
    case carchive_ifchr: entry.kind = .characterDevice(DeviceNumber(of: raw))
    case carchive_ififo: entry.kind = .fifo
    case carchive_ifsock: entry.kind = .socket
    default:
      throw SourceError(.damaged, path: path, "\(name.escapedName) has no type")
    }
    guard entry.kind != .directory, archive_entry_nlink(raw) > 1 else { return entry }
    var first: [UInt8]?
    if let tag = tags[name] {
      first = links.byTag[tag]
      if first == nil { links.byTag[tag] = name }
    } else if archive_entry_ino_is_set(raw) != 0 {
      let number = archive_entry_ino64(raw)
      first = links.byNumber[number]
      if first == nil { links.byNumber[number] = name }
    }
    if let first { entry.kind = .hardLink(target: first, hasContent: false) }
    return entry
  }

  /// Decodes a name that the writer escaped.
  private static func unescape(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }

  private func content(
    of raw: OpaquePointer, _ unknown: inout Set<Aspect>
  ) -> DigestSink.Content {
    var digest: SHA256.Digest?
    if let pointer = archive_entry_digest(raw, ARCHIVE_ENTRY_DIGEST_SHA256) {
      let bytes = UnsafeRawBufferPointer(start: pointer, count: SHA256.Digest.byteCount)
      // libarchive returns zeros for "none".
      if bytes.contains(where: { $0 != 0 }) { digest = SHA256.Digest(bytes) }
    }
    var size = archive_entry_size_is_set(raw) != 0 ? UInt64(max(0, archive_entry_size(raw))) : nil
    if size == 0 && lacksSizes { size = nil }
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

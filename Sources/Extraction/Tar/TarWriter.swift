import CLibArchive
import FileTrees
import Glibc
import Posix
import TreeModel

/// Writes entries as a tar archive in pax format, which can store all that an image can.
final class TarWriter {
  private let raw: OpaquePointer
  private let descriptor: Int32
  private let path: [UInt8]

  /// - Parameters:
  ///   - descriptor: remains open.
  ///   - path: for errors; its suffix selects the compression.
  init(descriptor: Int32, path: [UInt8]) throws {
    try Libarchive.load(for: path)
    guard let raw = archive_write_new() else {
      throw SourceError(.refused, path: path, "not enough memory to write the archive")
    }
    self.raw = raw
    self.descriptor = descriptor
    self.path = path
    archive_write_set_format_pax_restricted(raw)
    Self.addFilter(for: path, raw)
    // The header GNU tar reads; libarchive's own makes it warn about every attribute.
    archive_write_set_format_option(raw, "pax", "xattrheader", "SCHILY")
    archive_write_set_bytes_in_last_block(raw, 1)
    try check(archive_write_open_fd(raw, descriptor))
  }

  deinit {
    // Otherwise it would pad the entry with zeros and end the archive as if all were well.
    if !isFinished { archive_write_fail(raw) }
    archive_write_free(raw)
  }

  private var isFinished = false

  /// `x.tar.gz` should be what its name says.
  private static let filters: [(endings: [String], add: @Sendable (OpaquePointer) -> Int32)] = [
    ([".gz", ".tgz"], { archive_write_add_filter_gzip($0) }),
    ([".xz", ".txz"], { archive_write_add_filter_xz($0) }),
    ([".zst", ".tzst"], { archive_write_add_filter_zstd($0) }),
    ([".lzma", ".tlz"], { archive_write_add_filter_lzma($0) }),
    ([".lz"], { archive_write_add_filter_lzip($0) }),
    ([".z", ".taz"], { archive_write_add_filter_compress($0) }),
    ([".bz2", ".tbz2", ".tbz"], { archive_write_add_filter_bzip2($0) }),
    ([".lz4"], { archive_write_add_filter_lz4($0) }),
  ]

  /// Suffixes of other kinds of files, or of compressions we do not write.
  private static let otherEndings = [
    ".7z", ".ace", ".ar", ".arj", ".br", ".cab", ".conda", ".cpio", ".deb", ".dmg", ".img", ".iso",
    ".jar", ".lha", ".lrz", ".lzh", ".lzo", ".mtree", ".rar", ".rpm", ".sfs", ".sqfs", ".sqsh",
    ".squash", ".squashfs", ".tzo", ".whl", ".xar", ".zip",
  ]

  /// Whether we can write the kind of archive that this name promises.
  static func canWrite(_ path: [UInt8]) -> Bool { !isOne(of: otherEndings, path) }

  private static func isOne(of endings: [String], _ path: [UInt8]) -> Bool {
    endings.contains { ending in
      path.suffix(ending.utf8.count).map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        .elementsEqual(ending.utf8)
    }
  }

  private static func addFilter(for path: [UInt8], _ raw: OpaquePointer) {
    _ = filters.first { isOne(of: $0.endings, path) }?.add(raw)
  }

  /// The number of extended attributes whose names libarchive changed.
  private(set) var changedAttributes = 0

  /// Whether the archive stores a byte of an attribute's name literally, and not as "%FF".
  private static func isKept(_ byte: UInt8) -> Bool {
    (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "%") && byte != UInt8(ascii: "=")
  }

  /// Begins an entry.
  ///
  /// - Parameters:
  ///   - size: of a regular file, in bytes.
  ///   - data: the ranges of a sparse file outside its holes; `nil` for a file without any.
  func add(_ entry: TreeEntry, size: UInt64, data: [Range<UInt64>]? = nil) throws {
    guard let header = archive_entry_new() else {
      throw SourceError(.refused, path: path, "not enough memory to write the archive")
    }
    defer { archive_entry_free(header) }
    entry.path.withCPath { archive_entry_set_pathname(header, $0) }
    archive_entry_set_perm(header, mode_t(entry.attributes.permissions))
    archive_entry_set_uid(header, Int64(entry.attributes.uid))
    archive_entry_set_gid(header, Int64(entry.attributes.gid))
    archive_entry_set_mtime(header, time_t(entry.attributes.modified), 0)
    archive_entry_set_size(header, 0)
    for attribute in entry.xattrs {
      if !attribute.name.allSatisfy(Self.isKept) { changedAttributes += 1 }
      attribute.name.withCPath { name in
        attribute.value.withUnsafeBytes {
          archive_entry_xattr_add_entry(header, name, $0.baseAddress, $0.count)
        }
      }
    }
    setKind(of: header, entry, size)
    for range in data ?? [] {
      archive_entry_sparse_add_entry(
        header, Int64(clamping: range.lowerBound), Int64(clamping: range.count))
    }
    if let data, data.isEmpty { archive_entry_sparse_add_entry(header, Int64(clamping: size), 0) }
    try check(archive_write_header(raw, header))
  }

  private func setKind(of header: OpaquePointer, _ entry: TreeEntry, _ size: UInt64) {
    func setType(_ type: UInt32) { archive_entry_set_filetype(header, type) }
    func setDevice(_ device: DeviceNumber) {
      archive_entry_set_rdevmajor(header, dev_t(device.major))
      archive_entry_set_rdevminor(header, dev_t(device.minor))
    }
    switch entry.kind {
    case .directory: setType(carchive_ifdir)
    case .regular:
      setType(carchive_ifreg)
      archive_entry_set_size(header, Int64(clamping: size))
    case .symlink(let target):
      setType(carchive_iflnk)
      target.withCPath { archive_entry_set_symlink(header, $0) }
    case .blockDevice(let device):
      setType(carchive_ifblk)
      setDevice(device)
    case .characterDevice(let device):
      setType(carchive_ifchr)
      setDevice(device)
    case .fifo: setType(carchive_ififo)
    case .socket: setType(carchive_ifsock)
    case .hardLink(let target, _):
      setType(carchive_ifreg)
      target.withCPath { archive_entry_set_hardlink(header, $0) }
    }
  }

  /// Appends bytes to the current file.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = archive_write_data(raw, bytes.baseAddress! + done, bytes.count - done)
      guard count > 0 else { throw failure }
      done += count
    }
  }

  /// Appends zero bytes to the current file.
  func write(zeros count: UInt64) throws {
    var rest = count
    while rest > 0 {
      let step = Int(min(rest, UInt64(Self.zeros.count)))
      try Self.zeros.withUnsafeBytes {
        try write(UnsafeRawBufferPointer(rebasing: $0[..<step]))
      }
      rest -= UInt64(step)
    }
  }

  private static let zeros = [UInt8](repeating: 0, count: 64 << 10)

  /// Ends the archive.
  func finish() throws {
    try check(archive_write_close(raw))
    isFinished = true
  }

  private func check(_ status: Int32) throws {
    guard status == ARCHIVE_OK || status == ARCHIVE_WARN else { throw failure }
  }

  private var failure: any Error {
    let code = archive_errno(raw)
    if code == ENOSPC || code == EDQUOT || code == EPIPE || code == EIO || code == EFBIG {
      return SystemError("write", path: path, code: code)
    }
    let reason =
      archive_error_string(raw).map { [UInt8](cString: $0).escapedName }
      ?? "unknown error"
    return SourceError(.refused, path: path, "cannot write the archive: \(reason)")
  }
}

import CLibArchive

/// The archive formats we read.
enum ArchiveFormats {
  /// All formats but two: zip, which we read by its directory alone, and mtree, since a
  /// specification can put any of the user's files into the image: no foreign file may pass for it.
  static func enable(_ raw: OpaquePointer) {
    archive_read_support_format_tar(raw)
    archive_read_support_format_cpio(raw)
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

  /// Zip by its directory alone: the headers before the members lack modes and links.
  static func enableZipDirectory(_ raw: OpaquePointer) {
    archive_read_support_format_zip_seekable(raw)
  }
}

extension ArchiveHandle {
  /// The family of the detected format.
  private var family: Int32 { archive_format(raw) & ARCHIVE_FORMAT_BASE_MASK }

  var isTar: Bool { family == ARCHIVE_FORMAT_TAR }
  var isCpio: Bool { family == ARCHIVE_FORMAT_CPIO }
  var isSevenZip: Bool { family == ARCHIVE_FORMAT_7ZIP }
  var isISO: Bool { family == ARCHIVE_FORMAT_ISO9660 }
  var isXar: Bool { family == ARCHIVE_FORMAT_XAR }
  var isAr: Bool { family == ARCHIVE_FORMAT_AR }
  /// Whether the archive ends with its last member.
  var endsWithMember: Bool { [ARCHIVE_FORMAT_AR, ARCHIVE_FORMAT_WARC].contains(family) }
  /// Whether libarchive stops before the end mark, so that its length is unknown.
  var leavesEndMark: Bool {
    [ARCHIVE_FORMAT_RAR, ARCHIVE_FORMAT_RAR_V5, ARCHIVE_FORMAT_CAB, ARCHIVE_FORMAT_LHA]
      .contains(family)
  }
  var isEmpty: Bool { family == ARCHIVE_FORMAT_EMPTY }
  var isSpecification: Bool { family == ARCHIVE_FORMAT_MTREE }

  /// Whether only the last of a file's several names may bring its bytes.
  var bringsContentLast: Bool {
    [ARCHIVE_FORMAT_CPIO_SVR4_NOCRC, ARCHIVE_FORMAT_CPIO_SVR4_CRC].contains(archive_format(raw))
  }
}

internal import CLibArchive

/// The formats that archives may have.
enum ArchiveFormats {
  /// All formats but zip, which is read by its directory alone, and mtree: a specification can put
  /// any file of the user's into the image, so nothing from elsewhere may pass for one.
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

  /// A zip archive by its directory alone: the headers before the members know no modes and links.
  static func enableZipDirectory(_ raw: OpaquePointer) {
    archive_read_support_format_zip_seekable(raw)
  }
}

extension ArchiveHandle {
  /// The family of the format that was found.
  private var family: Int32 { archive_format(raw) & ARCHIVE_FORMAT_BASE_MASK }

  var isTar: Bool { family == ARCHIVE_FORMAT_TAR }
  var isCpio: Bool { family == ARCHIVE_FORMAT_CPIO }
  var isSevenZip: Bool { family == ARCHIVE_FORMAT_7ZIP }
  var isISO: Bool { family == ARCHIVE_FORMAT_ISO9660 }
  var isXar: Bool { family == ARCHIVE_FORMAT_XAR }
  var isAr: Bool { family == ARCHIVE_FORMAT_AR }
  /// Whether the members are all there is: the end of the last one is the archive's.
  var endsWithMember: Bool { [ARCHIVE_FORMAT_AR, ARCHIVE_FORMAT_WARC].contains(family) }
  /// Whether libarchive leaves the mark of the end where it is, so that its length is not known.
  var leavesEndMark: Bool {
    [ARCHIVE_FORMAT_RAR, ARCHIVE_FORMAT_RAR_V5, ARCHIVE_FORMAT_CAB, ARCHIVE_FORMAT_LHA]
      .contains(family)
  }
  var isEmpty: Bool { family == ARCHIVE_FORMAT_EMPTY }
  var isSpecification: Bool { family == ARCHIVE_FORMAT_MTREE }

  /// Whether of several names of a file the last one alone may bring its bytes.
  var bringsContentLast: Bool {
    [ARCHIVE_FORMAT_CPIO_SVR4_NOCRC, ARCHIVE_FORMAT_CPIO_SVR4_CRC].contains(archive_format(raw))
  }
}

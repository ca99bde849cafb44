/// What libarchive means by its messages.
///
/// It has one error code for nearly everything, so that only the English words tell; no locale
/// changes them. Each row names the file of https://github.com/libarchive/libarchive that has the
/// words, below `libarchive/`, as of version 3.6.2. New words there make an error less helpful, not
/// wrong: what no row fits is damaged.
enum ArchiveComplaint: CaseIterable {
  /// It can be read with a password only.
  case encrypted
  /// The format can be read only where the input can seek.
  case needsSeeking
  /// The input ends too early.
  case cutOff
  /// A name stays in bytes, as it has no form in this locale: which is what is wanted of it.
  case keptName
  /// A name has no form in this locale, and libarchive gives it in another one.
  case convertedName
  /// An ACL makes no sense. An image could not hold it.
  case unreadableACL
  /// A file that a specification names for a content cannot be opened.
  case unopenedContent

  /// Words in small letters that a message has.
  struct Row {
    var words: String
    var meaning: ArchiveComplaint
    /// The file that prints them.
    var source: String
  }

  static let rows: [Row] = [
    Row(
      words: "passphrase", meaning: .encrypted,
      source: "archive_read_support_format_zip.c"),
    // "RAR encryption support unavailable.", "The %s is encrypted, but currently not supported".
    Row(
      words: "encrypt", meaning: .encrypted,
      source: "archive_read_support_format_{7zip,rar,rar5,zip}.c"),
    Row(words: "support seeking", meaning: .needsSeeking, source: "archive_read.c"),
    // "Truncated tar archive", "Truncated input file (needed %jd bytes, only %jd available)".
    Row(
      words: "truncated", meaning: .cutOff,
      source: "archive_read.c, archive_read_support_format_*.c"),
    // "Premature end of stream during extraction of data".
    Row(
      words: "premature", meaning: .cutOff,
      source: "archive_read_support_format_{rar5,zip}.c"),
    Row(
      words: "end of file", meaning: .cutOff,
      source: "archive_read_support_format_cpio.c"),
    Row(
      words: "can't be converted", meaning: .keptName,
      source: "archive_read_support_format_{tar,cpio}.c"),
    Row(
      words: "cannot be converted", meaning: .convertedName,
      source: "archive_read_support_format_{7zip,cab,iso9660,lha,rar,xar,zip}.c"),
    // "Parse error:  SCHILY.acl.access".
    Row(
      words: ".acl.", meaning: .unreadableACL,
      source: "archive_read_support_format_tar.c"),
    // "Malformed Solaris ACL attribute (invalid digit)".
    Row(
      words: "acl attribute", meaning: .unreadableACL,
      source: "archive_read_support_format_tar.c"),
    Row(
      words: "can't open", meaning: .unopenedContent,
      source: "archive_read_support_format_mtree.c"),
  ]

  /// Whether a message says so.
  func isSaid(in message: String) -> Bool {
    let message = message.lowercased()
    return Self.rows.contains { $0.meaning == self && message.contains($0.words) }
  }
}

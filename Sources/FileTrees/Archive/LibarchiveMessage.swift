/// The meaning of libarchive's messages.
///
/// libarchive uses one error code for nearly everything, so only the English words tell errors
/// apart; no locale changes them. Each row names the file below `libarchive/` of
/// https://github.com/libarchive/libarchive that has the words, as of version 3.6.2. If the words
/// change, an error gets less helpful, not wrong: without a matching row it means damage.
enum LibarchiveMessage: CaseIterable {
  /// Reading it takes a password.
  case encrypted
  /// Reading the format takes an input that can seek.
  case needsSeeking
  /// The input ends too early.
  case cutOff
  /// A name stays in bytes because this locale cannot express it: just what we want.
  case keptName
  /// A name has no form in this locale, so libarchive converts it to another one.
  case convertedName
  /// An ACL is malformed. An image could not hold it anyway.
  case unreadableACL
  /// The content file that a specification names cannot be opened.
  case unopenedContent

  /// Lowercase words that a message contains.
  struct Row {
    var words: String
    var meaning: LibarchiveMessage
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

  /// Whether a message means this.
  func isSaid(in message: String) -> Bool {
    let message = message.lowercased()
    return Self.rows.contains { $0.meaning == self && message.contains($0.words) }
  }
}

/// The end of a 7z archive, which is the end of its directory.
///
/// Layout: 7zFormat.txt of the LZMA SDK, "SignatureHeader".
enum SevenZipEnd {
  private static let headerSize: Int64 = 32

  /// - Returns: the end of the directory, or of the file if the header gives none within it.
  static func position(in file: FileInput) throws -> Int64 {
    let header = try file.bytes(at: 0, count: Int(headerSize))
    let length = file.length ?? 0
    guard header.count == headerSize else { return length }
    func number(_ offset: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(header[offset + $1]) << (8 * $1) }
    }
    let (end, overflow) = number(12).addingReportingOverflow(number(20))
    // With a program before the archive, offsets count from elsewhere.
    guard header.starts(with: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]), !overflow,
      end <= UInt64(max(0, length - headerSize))
    else { return length }
    return Int64(end) + headerSize
  }
}

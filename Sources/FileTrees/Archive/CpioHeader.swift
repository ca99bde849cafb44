/// The header of a cpio member, read again for the checksum, which libarchive does not expose.
///
/// Layout: cpio(5) of FreeBSD.
enum CpioHeader {
  /// The size in bytes in the forms 070701 and 070702.
  static let size = 110
  private static let oldSize = 76
  private static let binarySize = 26

  /// Whether a member begins here: a magic number and numeric fields.
  static func isHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.starts(with: "070701".utf8) || bytes.starts(with: "070702".utf8) {
      return bytes.count >= size && bytes[6..<size].allSatisfy(isHexadecimal)
    }
    if bytes.starts(with: "070727".utf8) { return true }  // the large header of afio
    if bytes.starts(with: "070707".utf8) {
      return bytes.count >= oldSize && bytes[6..<oldSize].allSatisfy { isHexadecimal($0) }
    }
    return isBinaryHeader(bytes)
  }

  /// Whether a truncated member header begins here.
  static func isCut(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 6 && bytes.count < size && bytes.starts(with: "07070".utf8)
      && [UInt8(ascii: "1"), UInt8(ascii: "2"), UInt8(ascii: "7")].contains(bytes[5])
  }

  /// A two-byte magic number proves nothing: the name must end in a NUL where the header says.
  private static func isBinaryHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > binarySize else { return false }
    let isLittle = bytes[0] == 0xc7 && bytes[1] == 0x71
    guard isLittle || (bytes[0] == 0x71 && bytes[1] == 0xc7) else { return false }
    let length =
      isLittle ? Int(bytes[20]) | Int(bytes[21]) << 8 : Int(bytes[20]) << 8 | Int(bytes[21])
    guard (2...4097).contains(length) else { return false }
    let end = binarySize + length - 1
    let name = bytes[binarySize..<min(bytes.count, end)]
    return name.allSatisfy { $0 != 0 } && (end >= bytes.count || bytes[end] == 0)
  }

  /// The sum of a member's bytes, as stored in a header of the form 070702.
  static func checksum(_ header: ArraySlice<UInt8>) -> UInt32? {
    guard header.count >= size, header.starts(with: "070702".utf8) else { return nil }
    let digits = header.dropFirst(size - 8).prefix(8)
    return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}

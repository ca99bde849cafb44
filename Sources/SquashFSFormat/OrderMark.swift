/// Where the data of an access order lies in an image, for those who fetch it ahead.
///
/// It is not part of SquashFS: it lies in the padding behind the image, where other readers ignore
/// it. 64 bytes, little-endian, at the first multiple of 64 at or after the image's end:
///
///     0   8  "sqfsORDR"
///     8   4  version, 1
///     12  4  0
///     16  8  start of the data, in bytes from the image's start
///     24  8  its end
///     32 24  0
///     56  8  FNV-1a (64 bits) of the 56 bytes before
package struct OrderMark: Equatable, Sendable {
  /// The data, in bytes from the image's start.
  package var data: Range<UInt64>

  /// The size on disk in bytes.
  package static let byteCount = 64

  private static let magic = Array("sqfsORDR".utf8)
  private static let version: UInt32 = 1
  private static var checked: Int { byteCount - 8 }

  package init(data: Range<UInt64>) { self.data = data }

  /// The place of the mark of an image that ends at `end`; `nil` if there cannot be one.
  package static func place(behind end: UInt64) -> UInt64? {
    guard end <= UInt64(Int64.max) else { return nil }
    return (end + UInt64(byteCount) - 1) / UInt64(byteCount) * UInt64(byteCount)
  }

  /// - Parameter imageEnd: the end of the image, in bytes from its start.
  /// - Returns: `nil` if the bytes are no mark, or one that cannot be of this image.
  package init?(parsing bytes: RawSpan, imageEnd: UInt64) {
    guard bytes.byteCount == Self.byteCount, bytes.starts(with: Self.magic),
      bytes.little(8) == Self.version, bytes.little(56) == Self.checksum(bytes)
    else { return nil }
    let start: UInt64 = bytes.little(16)
    let end: UInt64 = bytes.little(24)
    guard start >= UInt64(Superblock.byteCount), start < end, end <= imageEnd else { return nil }
    data = start..<end
  }

  /// The mark's bytes.
  package var bytes: [UInt8] {
    var writer = ByteWriter(capacity: Self.byteCount)
    writer.append(Self.magic)
    writer.append(Self.version)
    writer.append(UInt32(0))
    writer.append(data.lowerBound)
    writer.append(data.upperBound)
    writer.append([UInt8](repeating: 0, count: 24))
    unsafe writer.append(writer.withBytes { unsafe Self.checksum($0.bytes) })
    return unsafe writer.withBytes { unsafe Array($0) }
  }

  private static func checksum(_ bytes: RawSpan) -> UInt64 {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for offset in 0..<checked {
      sum = (sum ^ UInt64(bytes[offset] as UInt8)) &* 0x100_0000_01b3
    }
    return sum
  }
}

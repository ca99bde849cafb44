/// A SquashFS image that neither Linux nor this program reads: an old version, the other byte
/// order, or a vendor's magic number, as in firmware.
public struct ForeignFormat: Equatable, Sendable {
  /// The magic number: the first four bytes.
  public let mark: String
  public let isBigEndian: Bool
  public let major: UInt16
  public let minor: UInt16

  /// The magic numbers in use, and whether the fields after them are big-endian.
  ///
  /// `hsqs` and `sqsh` belong to the format up to 3.1, which came in both orders; the others are
  /// from binwalk's signature list.
  private static let marks: [(mark: String, isBigEndian: Bool)] = [
    ("hsqs", false), ("sqsh", true), ("shsq", false), ("qshs", true), ("sqlz", true),
    ("hsqt", false), ("tqsh", true),
  ]

  /// Whether a magic number can begin with this byte: a quick test for long scans.
  public static func canBegin(with byte: UInt8) -> Bool {
    // h, q, s, t
    byte == 0x68 || byte == 0x71 || byte == 0x73 || byte == 0x74
  }

  /// Looks at the bytes at an image's start.
  ///
  /// - Parameters:
  ///   - bytes: as many as a superblock has.
  ///   - isSure: whether they start a file; bytes from the middle of one must look right in more
  ///     than magic number and version.
  /// - Returns: `nil` for anything else, including an image that this program reads.
  public init?(parsing bytes: RawSpan, isSure: Bool = true) {
    guard Self.canBegin(with: bytes[0]),
      let (mark, isBigEndian) = Self.marks.first(where: { bytes.starts(with: $0.mark.utf8) })
    else { return nil }
    func number(_ offset: Int, _ isBig: Bool) -> UInt16 {
      let value: UInt16 = bytes.little(offset)
      return isBig ? value.byteSwapped : value
    }
    // All versions store theirs here. Vendors did not always keep to the magic number's byte order.
    let orders = isSure ? [isBigEndian, !isBigEndian] : [isBigEndian]
    guard
      let order = orders.first(where: { order in
        (1...4).contains(number(28, order)) && number(30, order) <= 9
      })
    else { return nil }
    (major, minor) = (number(28, order), number(30, order))
    // The version we read, or a future one.
    if mark == "hsqs" && major == 4 { return nil }
    if !isSure {
      // The logarithm of the block size, 4 KiB to 1 MiB.
      let log = number(major == 4 ? 22 : 34, order)
      guard (12...20).contains(log) else { return nil }
    }
    self.mark = mark
    self.isBigEndian = isBigEndian
  }

  /// A description: "a big-endian SquashFS 3.1 image".
  public var name: String {
    let order = isBigEndian ? "a big-endian" : "a"
    let vendor = isStandard ? "" : " with the mark of a vendor (\(mark))"
    return "\(order) SquashFS \(major).\(minor) image\(vendor)"
  }

  /// A tool that may unpack it.
  public var tool: String { isStandard && major < 4 ? "unsquashfs" : "sasquatch" }

  private var isStandard: Bool { mark == "hsqs" || mark == "sqsh" }
}

/// The kind of stream that begins at some bytes.
enum StreamKind: Equatable {
  case tar, cpio, zip, sevenZip, rar, ar, xar, cab, warc, iso, squashFS, rpm
  case compressed(StreamFormat)

  /// How many bytes `init(startOf:)` needs: a tar header.
  static let longestStart = 512

  /// The magic number of ISO 9660, at the start of the 17th sector.
  static let isoMark = (offset: 16 * 2048 + 1, bytes: Array("CD001".utf8))

  /// - Parameter bytes: `longestStart` of them, or all if there are fewer.
  init?(startOf bytes: UnsafeRawBufferPointer) {
    // A tar header begins with a name, which can be anything.
    if TarHeaders.isHeader(bytes) || TarHeaders.isCut(bytes) {
      self = .tar
    } else if let format = StreamFormat(startOf: bytes) {
      self = .compressed(format)
    } else if CpioHeader.isHeader(bytes) || CpioHeader.isCut(bytes) {
      self = .cpio
    } else if let kind = Self.marks.first(where: { bytes.starts(with: $0.mark) })?.kind {
      self = kind
    } else {
      return nil
    }
  }

  private static let marks: [(mark: [UInt8], kind: StreamKind)] = [
    ([0x50, 0x4b, 3, 4], .zip), ([0x50, 0x4b, 5, 6], .zip),
    ([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], .sevenZip), (Array("Rar!\u{1a}\u{7}".utf8), .rar),
    (Array("!<arch>\n".utf8), .ar), (Array("xar!".utf8), .xar),
    (Array("MSCF\0\0\0\0".utf8), .cab), (Array("WARC/".utf8), .warc),
    (Array("hsqs".utf8), .squashFS), ([0xed, 0xab, 0xee, 0xdb], .rpm),
  ]

  /// With its article, for messages.
  var name: String {
    switch self {
    case .tar: "a tar archive"
    case .cpio: "a cpio archive"
    case .zip: "a zip archive"
    case .sevenZip: "a 7z archive"
    case .rar: "a rar archive"
    case .ar: "an ar archive"
    case .xar: "a xar archive"
    case .cab: "a cab archive"
    case .warc: "a warc archive"
    case .iso: "an ISO 9660 image"
    case .squashFS: "a SquashFS image"
    case .rpm: "an RPM package"
    case .compressed(let format): format.name
    }
  }
}

extension StreamFormat {
  /// With its article, for messages.
  var name: String {
    switch self {
    case .xz, .lz4, .lz4Legacy, .lzop, .lzma: "an \(rawValue) stream"
    default: "a \(rawValue) stream"
    }
  }
}

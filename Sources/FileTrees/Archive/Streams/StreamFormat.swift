/// The compressions of sources, recognized by how a stream begins.
enum StreamFormat: String, CaseIterable {
  case gzip, bzip2, xz, lzip, zstd, lz4, lzop, compress, lzma
  /// The form that `lz4 -l` writes and kernels accept for their initrd.
  case lz4Legacy = "lz4 (legacy)"

  /// How many bytes of a stream `init(startOf:)` needs.
  static let longestStart = 13

  /// - Parameter bytes: the start of the stream: `longestStart` bytes, or all if it is shorter.
  init?(startOf bytes: UnsafeRawBufferPointer) {
    if Self.isSkippable(bytes) {
      // Both formats have such frames; the bytes behind tell them apart.
      let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
      let next = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(8 + size))
      self = StreamFormat(startOf: next) == .lz4 ? .lz4 : .zstd
      return
    }
    guard let format = Self.allCases.first(where: { $0.begins(bytes) }) else { return nil }
    self = format
  }

  /// Whether a stream of this format begins here.
  func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    switch self {
    // RFC 1952; deflate is the only method.
    case .gzip: return bytes.starts(with: [0x1f, 0x8b, 8])
    // A level, then the mark of a block or of the stream's end: the digits of pi or of its root.
    case .bzip2:
      return bytes.starts(with: "BZh".utf8) && bytes.count >= 10
        && (0x31...0x39).contains(bytes[3])
        && (bytes[4..<10].elementsEqual([0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
          || bytes[4..<10].elementsEqual([0x17, 0x72, 0x45, 0x38, 0x50, 0x90]))
    case .xz: return bytes.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])
    // Version 1 is the only one in use; 0 was never released.
    case .lzip: return bytes.starts(with: Array("LZIP".utf8) + [1])
    case .zstd: return bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) || Self.isSkippable(bytes)
    case .lz4: return bytes.starts(with: [0x04, 0x22, 0x4d, 0x18]) || Self.isSkippable(bytes)
    case .lz4Legacy: return bytes.starts(with: [0x02, 0x21, 0x4c, 0x18])
    case .lzop:
      return bytes.starts(with: [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a])
    // Between 9 and 16 bits; two other bits of the third byte are always 0.
    case .compress:
      return bytes.starts(with: [0x1f, 0x9d]) && bytes.count > 2 && bytes[2] & 0x60 == 0
        && (9...16).contains(bytes[2] & 0x1f)
    case .lzma: return isLZMA(bytes)
    }
  }

  /// Whether a truncated stream of this format may begin here.
  func begins(cutOff bytes: UnsafeRawBufferPointer) -> Bool {
    guard !bytes.isEmpty, bytes.count < Self.longestStart else { return false }
    let mark: [UInt8]
    switch self {
    case .gzip: mark = [0x1f, 0x8b, 8]
    case .bzip2: mark = Array("BZh".utf8)
    case .xz: mark = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]
    case .lzip: mark = Array("LZIP".utf8) + [1]
    case .zstd: mark = [0x28, 0xb5, 0x2f, 0xfd]
    case .lz4: mark = [0x04, 0x22, 0x4d, 0x18]
    case .lzop, .compress, .lzma, .lz4Legacy: return false
    }
    return bytes.elementsEqual(mark.prefix(bytes.count))
  }

  /// A zstd or lz4 frame without data; pzstd begins with one.
  private static func isSkippable(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 8 && bytes[0] & 0xf0 == 0x50
      && bytes[1..<4].elementsEqual([0x2a, 0x4d, 0x18])
  }

  /// The format has no magic number. Like xz, this accepts valid properties, a dictionary of 2^n
  /// or 2^n + 2^(n-1) bytes, and a size below 256 GiB, or none.
  private func isLZMA(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= 13, bytes[0] <= (4 * 5 + 4) * 9 + 8 else { return false }
    let dictionary = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    let size = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 5, as: UInt64.self))
    guard dictionary >= 4096, size == .max || (1..<1 << 38).contains(size) else { return false }
    // Only the two highest bits may be set.
    let highest = UInt32(1) << UInt32(31 - dictionary.leadingZeroBitCount)
    return dictionary == .max || dictionary & ~(highest | highest >> 1) == 0
  }
}

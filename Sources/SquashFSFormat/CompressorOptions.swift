/// The compressor's options, from the block after the superblock.
///
/// Layout: SquashFS Binary Format, section "Compression Options".
public enum CompressorOptions: Equatable, Sendable {
  case gzip(level: UInt32, windowBits: UInt16, strategies: UInt16)
  case lzo(algorithm: UInt32, level: UInt32)
  case xz(dictionarySize: UInt32, filters: CodeFilters)
  case lz4(version: UInt32, flags: UInt32)
  case zstd(level: UInt32)

  /// The size of the payload in bytes; `nil` for a compressor without options.
  public static func byteCount(_ compressor: CompressorID) -> Int? {
    switch compressor {
    case .gzip, .lzo, .xz, .lz4: 8
    case .zstd: 4
    case .lzma: nil
    }
  }

  /// - Parameter bytes: the payload.
  /// - Returns: `nil` if it has the wrong size.
  public init?(_ compressor: CompressorID, parsing bytes: RawSpan) {
    guard bytes.byteCount == Self.byteCount(compressor) else { return nil }
    switch compressor {
    case .gzip:
      self = .gzip(
        level: bytes.little(0), windowBits: bytes.little(4), strategies: bytes.little(6))
    case .lzo: self = .lzo(algorithm: bytes.little(0), level: bytes.little(4))
    case .xz:
      self = .xz(
        dictionarySize: bytes.little(0), filters: CodeFilters(rawValue: bytes.little(4)))
    case .lz4: self = .lz4(version: bytes.little(0), flags: bytes.little(4))
    case .zstd: self = .zstd(level: bytes.little(0))
    case .lzma: return nil
    }
  }
}

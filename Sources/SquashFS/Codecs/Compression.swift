package import SquashFSFormat

/// How to compress blocks.
public struct Compression: Sendable, Equatable {
  /// A compressor, or none. A kernel needs the image's; all distributions have xz and zstd.
  public enum Method: String, CaseIterable, Sendable {
    case xz, gzip, zstd, lz4, none
  }

  /// The compressor.
  public let method: Method
  /// In `levels(of: method)`: higher levels take longer and give smaller images.
  public let level: Int
  /// The filters for machine code that blocks may get; only xz has them.
  package let filters: CodeFilters

  /// - Parameters:
  ///   - method: the compressor, or none.
  ///   - level: in `levels(of: method)`, or `nil` for the default.
  /// - Returns: `nil` if the level is out of range.
  public init?(_ method: Method, level: Int? = nil) {
    self.init(method, level: level, filters: nil)
  }

  /// - Parameters:
  ///   - method: the compressor, or none.
  ///   - level: in `levels(of: method)`, or `nil` for the default.
  ///   - filters: among `CodeFilters.writable`, or `nil` for the default. A kernel needs those that
  ///     a block was found to gain from.
  /// - Returns: `nil` if the level is out of range, or the compressor does not take the filters.
  package init?(_ method: Method, level: Int?, filters: CodeFilters?) {
    let level = level ?? Self.defaultLevel(of: method)
    let filters = filters ?? Self.defaultFilters(of: method)
    guard Self.levels(of: method).contains(level),
      filters.isSubset(of: method == .xz ? .writable : [])
    else { return nil }
    self.method = method
    self.level = level
    self.filters = filters
  }

  /// For xz the filter that every distribution's kernel has, whatever its processor; none for
  /// others.
  package static func defaultFilters(of method: Method) -> CodeFilters {
    method == .xz ? CodeFilters(.x86) : []
  }

  /// The levels of a method; only 0 for none.
  public static func levels(of method: Method) -> ClosedRange<Int> {
    switch method {
    case .xz: 0...9
    case .gzip: 1...12
    case .zstd: 1...22
    case .lz4: 1...12
    case .none: 0...0
    }
  }

  /// The same as in mksquashfs.
  public static func defaultLevel(of method: Method) -> Int {
    switch method {
    case .xz: 6
    case .gzip: 9
    case .zstd: 15
    case .lz4: 1
    case .none: 0
    }
  }

  /// The number in the superblock. None stands for "no compression": such an image says gzip and
  /// stores every block.
  var id: CompressorID {
    switch method {
    case .xz: .xz
    case .gzip, .none: .gzip
    case .zstd: .zstd
    case .lz4: .lz4
    }
  }

  /// The payload of the block after the superblock; `nil` if the defaults suffice. Its size does
  /// not depend on which filters are used.
  ///
  /// Layout: SquashFS Binary Format, section "Compression Options".
  ///
  /// - Parameters:
  ///   - used: the filters that blocks have.
  ///   - blockSize: of data.
  func appendOptions(
    to writer: inout ByteWriter, used: CodeFilters, _ blockSize: BlockSize
  ) -> Bool {
    switch method {
    case .none: return false
    case .xz:
      guard !filters.isEmpty else { return false }
      // The xz dictionary: the size of the largest block.
      writer.append(UInt32(max(blockSize.byteCount, MetadataBlock.byteCount)))
      writer.append(used.rawValue)
    case .gzip:
      // Readers know no level above 9, and assume 9.
      guard level < 9 else { return false }
      writer.append(UInt32(level))
      writer.append(UInt16(15))  // window bits
      writer.append(UInt16(0))  // default strategy
    case .zstd:
      guard level != 15 else { return false }
      writer.append(UInt32(level))
    case .lz4:
      writer.append(UInt32(1))  // version, always required
      writer.append(UInt32(level >= LZ4Compressor.firstHighLevel ? 1 : 0))
    }
    return true
  }

  /// The settings as an image records them; `nil` if the defaults suffice.
  func options(_ blockSize: BlockSize) -> CompressorOptions? {
    var payload = ByteWriter()
    guard appendOptions(to: &payload, used: [], blockSize) else { return nil }
    return payload.withBytes { CompressorOptions(id, parsing: $0.bytes) }
  }

  /// Whether probing a block before the codec runs can pay off: not if the codec is as fast as the
  /// probe.
  var isWorthProbing: Bool {
    switch method {
    case .xz, .gzip, .zstd: true
    case .lz4, .none: false
    }
  }

  /// A compressor for metadata blocks.
  func makeMetadataCompressor() throws(CodecError) -> any BlockCompressor {
    try makeCompressor(largest: MetadataBlock.byteCount)
  }

  /// - Parameter largest: the largest block for the compressor, in bytes.
  func makeCompressor(largest: Int) throws(CodecError) -> any BlockCompressor {
    switch method {
    case .xz: try XZCompressor(level: level, dictionarySize: largest)
    case .gzip: try DeflateCompressor(level: level)
    case .zstd: try ZstdCompressor(level: level, largest: largest)
    case .lz4: LZ4Compressor(level: level)
    case .none: StoringCompressor()
    }
  }
}

extension CompressorID {
  func makeDecompressor() throws(CodecError) -> any BlockDecompressor {
    switch self {
    case .gzip: try DeflateDecompressor()
    case .lzma: LZMADecompressor()
    case .lzo: LZODecompressor()
    case .xz: XZDecompressor()
    case .lz4: LZ4Decompressor()
    case .zstd: try ZstdDecompressor()
    }
  }
}

/// Never compresses.
final class StoringCompressor: BlockCompressor {
  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int? { nil }
}

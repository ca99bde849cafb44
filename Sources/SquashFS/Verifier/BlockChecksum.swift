import SquashFSFormat

extension CompressorID {
  /// Whether a compressed block has a checksum of its content, so that unpacking it proves it.
  ///
  /// - Parameter block: a block that unpacks without error.
  func hasChecksum(_ block: UnsafeRawBufferPointer) -> Bool {
    switch self {
    // Adler-32, at the end of every zlib stream.
    case .gzip: true
    // The stream's flags: The .xz File Format, section 2.1.1.2.
    case .xz: block.count > 7 && block[7] & 0xf != 0
    // The frame's descriptor: RFC 8878, section 3.1.1.1.1.5.
    case .zstd: block.count > 4 && block[4] & 4 != 0
    case .lz4, .lzo, .lzma: false
    }
  }
}

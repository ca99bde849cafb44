extension StreamFormat {
  /// The unpacked contents of the streams at the start of `source`.
  ///
  /// - Throws: `SourceError` if the library fails to start or the stream's start is damaged.
  func unpacked(_ source: PushbackInput, path: [UInt8]) throws -> any ByteInput {
    do {
      let decoder: any StreamDecoder
      switch self {
      case .gzip: decoder = try GzipDecoder()
      case .bzip2: decoder = try Bzip2Decoder()
      case .xz: decoder = try LZMADecoder(.xz)
      case .lzip: decoder = try LZMADecoder(.lzip)
      case .lzma: decoder = try LZMADecoder(.lzma)
      case .zstd: decoder = try ZstdDecoder()
      case .lz4: decoder = try LZ4Decoder()
      case .lz4Legacy: return LZ4LegacyInput(source, path: path)
      case .lzop: return try LZOPInput(source, path: path)
      case .compress: return try CompressInput(source, path: path)
      }
      return UnpackingInput(source, self, decoder: decoder, path: path)
    } catch let damage as StreamDamage {
      throw damaged(path, damage.reason)
    }
  }
}

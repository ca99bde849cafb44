extension CompressorID {
  /// The name that mksquashfs gives it.
  public var name: String {
    switch self {
    case .gzip: "gzip"
    case .lzma: "lzma"
    case .lzo: "lzo"
    case .xz: "xz"
    case .lz4: "lz4"
    case .zstd: "zstd"
    }
  }
}

extension CompressorID {
  /// The name in mksquashfs.
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

  /// The kernel build option it needs; `nil` if no kernel supports it.
  public var kernelOption: String? {
    switch self {
    case .gzip: "CONFIG_SQUASHFS_ZLIB"
    case .lzma: nil
    case .lzo: "CONFIG_SQUASHFS_LZO"
    case .xz: "CONFIG_SQUASHFS_XZ"
    case .lz4: "CONFIG_SQUASHFS_LZ4"
    case .zstd: "CONFIG_SQUASHFS_ZSTD"
    }
  }
}

internal import SquashFSFormat

extension Image {
  /// The options that a kernel needs to be built with to mount the image.
  public var kernelOptions: [String] {
    var options: [String] = []
    switch superblock.compressor {
    case .gzip: options.append("CONFIG_SQUASHFS_ZLIB")
    case .lzo: options.append("CONFIG_SQUASHFS_LZO")
    case .xz: options.append("CONFIG_SQUASHFS_XZ")
    case .lz4: options.append("CONFIG_SQUASHFS_LZ4")
    case .zstd: options.append("CONFIG_SQUASHFS_ZSTD")
    case .lzma: options.append("a user-space program: no kernel mounts lzma")
    }
    if superblock.xattrTable != Superblock.noTable { options.append("CONFIG_SQUASHFS_XATTR") }
    return options
  }
}

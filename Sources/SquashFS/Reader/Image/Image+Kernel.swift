package import SquashFSFormat

extension Image {
  /// The build options that a kernel needs to mount the image.
  public var kernelOptions: [String] {
    var options: [String] = []
    options.append(
      superblock.compressor.kernelOption ?? "a user-space program: no kernel mounts lzma")
    options += codeFilters.known.map(\.kernelOption)
    if superblock.xattrTable != Superblock.noTable { options.append("CONFIG_SQUASHFS_XATTR") }
    return options
  }

  /// The filters for machine code that the writer recorded.
  package var codeFilters: CodeFilters {
    guard case .xz(_, let filters) = compressorOptions else { return [] }
    return filters
  }
}

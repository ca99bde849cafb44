import SquashFSFormat

extension Image {
  /// The filters for machine code by their bits in the compressor's options, with the kernel's
  /// names.
  ///
  /// Layout: SquashFS Binary Format, section "Compression Options"; the last two come from
  /// squashfs-tools 4.7.
  private static let xzFilters = [
    "X86", "POWERPC", "IA64", "ARM", "ARMTHUMB", "SPARC", "ARM64", "RISCV",
  ]

  /// The build options that a kernel needs to mount the image.
  public var kernelOptions: [String] {
    var options: [String] = []
    options.append(
      superblock.compressor.kernelOption ?? "a user-space program: no kernel mounts lzma")
    if case .xz(_, let filters) = compressorOptions {
      for (index, name) in Self.xzFilters.enumerated() where filters & 1 << UInt32(index) != 0 {
        options.append("CONFIG_XZ_DEC_\(name)")
      }
    }
    if superblock.xattrTable != Superblock.noTable { options.append("CONFIG_SQUASHFS_XATTR") }
    return options
  }
}

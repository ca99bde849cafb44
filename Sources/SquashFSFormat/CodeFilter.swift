/// A filter for the machine code of one processor (BCJ: branch, call, jump).
///
/// It replaces the distance in each call by the address of the function, so that the calls of one
/// function look alike. xz images use it before LZMA2.
public enum CodeFilter: UInt32, CaseIterable, Sendable {
  // The raw value is the number of the filter's bit in the compressor's options. Layout: SquashFS
  // Binary Format, section "Compression Options"; the last two come from squashfs-tools 4.7.
  case x86, powerpc, ia64, arm, armthumb, sparc, arm64, riscv

  /// The filter's number in an xz block: The .xz File Format, section 5.3.2.
  public var id: UInt64 { UInt64(rawValue) + 4 }

  /// - Parameter id: the number in an xz block.
  /// - Returns: `nil` for a number that is not a filter for machine code.
  public init?(id: UInt64) {
    guard id >= 4, let filter = CodeFilter(rawValue: UInt32(clamping: id - 4)) else { return nil }
    self = filter
  }

  /// The name in mksquashfs.
  public var name: String {
    switch self {
    case .x86: "x86"
    case .powerpc: "powerpc"
    case .ia64: "ia64"
    case .arm: "arm"
    case .armthumb: "armthumb"
    case .sparc: "sparc"
    case .arm64: "arm64"
    case .riscv: "riscv"
    }
  }

  /// The kernel build option it needs.
  public var kernelOption: String {
    switch self {
    case .x86: "CONFIG_XZ_DEC_X86"
    case .powerpc: "CONFIG_XZ_DEC_POWERPC"
    case .ia64: "CONFIG_XZ_DEC_IA64"
    case .arm: "CONFIG_XZ_DEC_ARM"
    case .armthumb: "CONFIG_XZ_DEC_ARMTHUMB"
    case .sparc: "CONFIG_XZ_DEC_SPARC"
    case .arm64: "CONFIG_XZ_DEC_ARM64"
    case .riscv: "CONFIG_XZ_DEC_RISCV"
    }
  }

  /// The first kernel that has it, where older ones are in use.
  public var firstKernel: String? {
    switch self {
    case .arm64, .riscv: "Linux 6.12"
    case .x86, .powerpc, .ia64, .arm, .armthumb, .sparc: nil
    }
  }

  /// Whether kernels of today no longer have it.
  public var isObsolete: Bool { self == .ia64 }
}

/// A set of filters, as the compressor's options record it.
public struct CodeFilters: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A set of one filter.
  public init(_ filter: CodeFilter) { rawValue = 1 << filter.rawValue }

  /// The filters known by name, in the order of their bits.
  public var known: [CodeFilter] { CodeFilter.allCases.filter { contains(CodeFilters($0)) } }
}

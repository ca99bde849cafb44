import Glibc
public import Posix
public import SquashFSFormat

/// What the running kernel can mount, if it says.
public struct KernelSupport: Equatable, Sendable {
  /// Whether it has squashfs; `nil` if only a mount would show.
  public var hasSquashFS: Bool?
  /// The compressors in its configuration; `nil` if no configuration is readable.
  public var compressors: Set<CompressorID>?
  /// The filters for machine code in its configuration; `nil` if no configuration is readable.
  public var filters: CodeFilters?

  public init(
    hasSquashFS: Bool? = nil, compressors: Set<CompressorID>? = nil, filters: CodeFilters? = nil
  ) {
    self.hasSquashFS = hasSquashFS
    self.compressors = compressors
    self.filters = filters
  }

  /// Asks the running kernel and reads its configuration from where a distribution or
  /// `autosquash refresh` puts it.
  ///
  /// - Parameter state: the folder for this program's own data.
  public static func ofThisMachine(state: HostPath) -> KernelSupport {
    var support = KernelSupport()
    for path in configurationPaths(state: state) {
      if let configuration = contents(of: HostPath(path)) {
        support = KernelSupport(parsing: configuration)
        break
      }
    }
    // A module that is not loaded is missing here.
    if contents(of: "/proc/filesystems")?.contains("\tsquashfs\n") == true {
      support.hasSquashFS = true
    }
    return support
  }

  /// The prefix of this program's own copies of such files.
  public static let ownPrefix = Array("kernel-".utf8)

  /// The possible paths of the running kernel's configuration; the last is this program's copy.
  ///
  /// As bytes: the map has arrays of these already, and each new type of array costs it some ten
  /// microseconds.
  public static func configurationPaths(state: HostPath) -> [[UInt8]] {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: name.release) { bytes in
      Array(bytes.prefix { $0 != 0 })
    }
    return [
      Array("/boot/config-".utf8) + release,
      Array("/lib/modules/".utf8) + release + Array("/config".utf8),
      state.appending(Name(unchecked: ownPrefix + release)).bytes,
    ]
  }

  /// Reads a kernel's configuration: its lines `CONFIG_NAME=y`.
  public init(parsing configuration: [UInt8]) {
    hasSquashFS = configuration.hasOption("CONFIG_SQUASHFS")
    compressors = Set(
      CompressorID.allCases.filter { compressor in
        compressor.kernelOption.map { configuration.hasOption($0) } ?? false
      })
    filters = configuration.filters
  }

  private static func contents(of path: HostPath) -> [UInt8]? {
    try? SmallFile.read(path, limit: 4 << 20)
  }
}

extension [UInt8] {
  /// The filters that a kernel's configuration has. Their lines are neighbours, so only one search
  /// goes through all of it.
  fileprivate var filters: CodeFilters {
    guard let start = position(of: "\nCONFIG_XZ_DEC", in: 0..<count) else { return [] }
    let range = start..<Swift.min(start + 1024, count)
    var filters: CodeFilters = []
    for filter in CodeFilter.allCases
    where position(of: "\n\(filter.kernelOption)=y\n", in: range) != nil {
      filters.insert(CodeFilters(filter))
    }
    return filters
  }

  /// Whether the bytes contain a line `NAME=y` or `NAME=m`.
  fileprivate func hasOption(_ name: String) -> Bool {
    contains("\n\(name)=y\n") || contains("\n\(name)=m\n")
  }

  fileprivate func contains(_ text: String) -> Bool { position(of: text, in: 0..<count) != nil }

  private func position(of text: String, in range: Range<Int>) -> Int? {
    var text = text
    return text.withUTF8 { text in
      withUnsafeBytes { all in
        memmem(all.baseAddress! + range.lowerBound, range.count, text.baseAddress!, text.count)
          .map { all.baseAddress!.distance(to: $0) }
      }
    }
  }
}

internal import Glibc
public import Posix
public import SquashFSFormat

/// What the running kernel can mount, as far as it tells.
public struct KernelSupport: Equatable, Sendable {
  /// Whether it has squashfs; `nil` where that shows only when something is mounted.
  public var hasSquashFS: Bool?
  /// The compressors that its configuration names; `nil` where there is none to read.
  public var compressors: Set<CompressorID>?

  public init(hasSquashFS: Bool? = nil, compressors: Set<CompressorID>? = nil) {
    self.hasSquashFS = hasSquashFS
    self.compressors = compressors
  }

  /// Asks the running kernel, and reads its configuration where a distribution puts it, or where
  /// `autosquash refresh` has put it.
  ///
  /// - Parameter state: the folder for what this program keeps.
  public static func ofThisMachine(state: HostPath) -> KernelSupport {
    var support = KernelSupport()
    for path in configurationPaths(state: state) {
      if let configuration = contents(of: path) {
        support = KernelSupport(parsing: configuration)
        break
      }
    }
    // A module that is not loaded is not listed.
    if contents(of: "/proc/filesystems")?.contains("\tsquashfs\n") == true {
      support.hasSquashFS = true
    }
    return support
  }

  /// What the names of this program's own copies of such files begin with.
  public static let ownPrefix = Array("kernel-".utf8)

  /// Where the configuration of the running kernel may be; the last is this program's own.
  public static func configurationPaths(state: HostPath) -> [HostPath] {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: name.release) { bytes in
      Array(bytes.prefix { $0 != 0 })
    }
    return [
      HostPath(Array("/boot/config-".utf8) + release),
      HostPath(Array("/lib/modules/".utf8) + release + Array("/config".utf8)),
      state.appending(Name(unchecked: ownPrefix + release)),
    ]
  }

  /// Reads a kernel's configuration, the lines `CONFIG_NAME=y`.
  public init(parsing configuration: [UInt8]) {
    hasSquashFS = configuration.hasOption("CONFIG_SQUASHFS")
    compressors = Set(
      CompressorID.allCases.filter { compressor in
        compressor.kernelOption.map { configuration.hasOption($0) } ?? false
      })
  }

  private static func contents(of path: HostPath) -> [UInt8]? {
    try? SmallFile.read(path, limit: 4 << 20)
  }
}

extension [UInt8] {
  /// Whether a line `NAME=y` or `NAME=m` is among the bytes.
  fileprivate func hasOption(_ name: String) -> Bool {
    contains("\n\(name)=y\n") || contains("\n\(name)=m\n")
  }

  fileprivate func contains(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { text in
      withUnsafeBytes { all in
        memmem(all.baseAddress!, all.count, text.baseAddress!, text.count) != nil
      }
    }
  }
}

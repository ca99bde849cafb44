internal import Glibc
internal import Posix
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

  /// Asks the running kernel, and reads its configuration where a distribution puts it.
  static func ofThisMachine() -> KernelSupport {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: name.release) { bytes in
      Array(bytes.prefix { $0 != 0 })
    }
    var support = KernelSupport()
    if let configuration = contents(of: Array("/boot/config-".utf8) + release)
      ?? contents(of: Array("/lib/modules/".utf8) + release + Array("/config".utf8))
    {
      support = KernelSupport(parsing: configuration)
    }
    // A module that is not loaded is not listed.
    if contents(of: Array("/proc/filesystems".utf8))?.contains("\tsquashfs\n") == true {
      support.hasSquashFS = true
    }
    return support
  }

  /// Reads a kernel's configuration, the lines `CONFIG_NAME=y`.
  public init(parsing configuration: [UInt8]) {
    hasSquashFS = configuration.hasOption("CONFIG_SQUASHFS")
    compressors = Set(
      CompressorID.allCases.filter { compressor in
        compressor.kernelOption.map { configuration.hasOption($0) } ?? false
      })
  }

  /// All of a small file, `nil` where it cannot be read.
  private static func contents(of path: [UInt8]) -> [UInt8]? {
    let descriptor = path.withCPath { open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_size <= 4 << 20 else { return nil }
    // Files of /proc say that they are empty.
    let bytes = [UInt8](unsafeUninitializedCapacity: max(4096, Int(status.st_size))) {
      buffer, count in
      count = max(0, read(descriptor, buffer.baseAddress!, buffer.count))
    }
    return bytes.isEmpty ? nil : bytes
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

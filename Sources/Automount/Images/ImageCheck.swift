import Glibc
import Posix
public import SquashFSFormat

/// Predicts from superblock and length whether the kernel would mount an image.
public struct ImageCheck: Sendable {
  /// What this machine's kernel supports; nothing is known about a FUSE program.
  public var kernel: KernelSupport
  /// Whether the kernel mounts the images, rather than a FUSE program.
  public var mountsByKernel: Bool

  public init(kernel: KernelSupport, mountsByKernel: Bool) {
    self.kernel = kernel
    self.mountsByKernel = mountsByKernel
  }

  /// The facts about an open image.
  public struct Facts: Equatable, Sendable {
    /// The length of the file in bytes.
    public var size: UInt64
    /// Nanoseconds since 1970.
    public var modified: Int64
    /// `nil` if the superblock could not be read.
    public var compressor: CompressorID?
    /// Why it would not mount, and what to do; `nil` if it would.
    public var problem: String?
  }

  /// The superblock, and the block with the compressor's options: eight bytes behind a header.
  public static let startSize = Superblock.byteCount + 10

  /// Checks an open file with one fstat and one read of 106 bytes.
  ///
  /// - Returns: `nil` for a directory.
  /// - Throws: `SystemError` if the file system fails.
  func facts(of descriptor: Int32) throws(SystemError) -> Facts? {
    guard let status = stat(of: descriptor) else { throw SystemError("examine") }
    if status.isDirectory { return nil }
    var facts = Facts(size: status.size, modified: status.modified)
    guard status.isRegular else {
      facts.problem = "not a regular file"
      return facts
    }
    let start = [UInt8](unsafeUninitializedCapacity: Self.startSize) { buffer, count in
      count = max(0, retryingInterrupts { pread(descriptor, buffer.baseAddress!, buffer.count, 0) })
    }
    guard facts.size == 0 || !start.isEmpty else { throw SystemError("read") }
    return self.facts(size: facts.size, modified: facts.modified, start: start)
  }

  /// Checks an image of which the first bytes are known.
  ///
  /// - Parameters:
  ///   - size: of the whole, in bytes.
  ///   - modified: nanoseconds since 1970.
  ///   - start: `startSize` bytes, or all.
  public func facts(size: UInt64, modified: Int64, start: [UInt8]) -> Facts {
    var facts = Facts(size: size, modified: modified)
    guard facts.size >= UInt64(Superblock.byteCount) else {
      facts.problem =
        facts.size == 0
        ? "the file is empty; upload it again"
        : "only \(facts.size) bytes, too short for an image; upload it again"
      return facts
    }
    guard start.count >= Superblock.byteCount else {
      facts.problem = "it ends after \(start.count) bytes; upload it again"
      return facts
    }
    do throws(Superblock.Problem) {
      let superblock = try Superblock(parsing: start.span.bytes)
      facts.compressor = superblock.compressor
      facts.problem = problem(
        superblock, filters: Self.filters(superblock, start.span.bytes), size: facts.size)
    } catch {
      facts.problem = Self.text(error)
    }
    return facts
  }

  /// The filters for machine code that the blocks may have.
  ///
  /// - Parameter start: the file's first bytes.
  /// - Returns: none if the compressor's options are not as expected: the mount will tell.
  private static func filters(_ superblock: Superblock, _ start: RawSpan) -> CodeFilters {
    let options = Superblock.byteCount
    guard superblock.compressor == .xz, superblock.flags.contains(.compressorOptions),
      start.byteCount >= startSize,
      start.little(options, as: UInt16.self) == 8 | MetadataBlock.uncompressedBit
    else { return [] }
    return CodeFilters(rawValue: start.little(options + 6))
  }

  /// The kernel's objection to an image in a file of `size` bytes.
  ///
  /// - Parameter filters: the filters for machine code that its blocks may have.
  public func problem(
    _ superblock: Superblock, filters: CodeFilters = [], size: UInt64
  ) -> String? {
    if superblock.bytesUsed > size {
      let missing = superblock.bytesUsed - size
      return "the file is \(missing) \(missing == 1 ? "byte" : "bytes") short; upload it again"
    }
    guard mountsByKernel else { return nil }
    if superblock.bytesUsed > size / Superblock.deviceBlock * Superblock.deviceBlock {
      let padded = (size + 4095) & ~4095
      return "its end is not padded to 1024 bytes, so the kernel cannot read it;"
        + " fix it with: truncate -s \(padded) FILE, then upload it again"
    }
    if kernel.hasSquashFS == false {
      return "this machine's kernel has no squashfs (CONFIG_SQUASHFS);"
        + " set 'fstype = fuse.squashfuse' to mount without it"
    }
    guard let option = superblock.compressor.kernelOption else {
      return "no kernel mounts images with lzma; pack it again with xz"
    }
    if let compressors = kernel.compressors, !compressors.contains(superblock.compressor) {
      return "this machine's kernel cannot read \(superblock.compressor.name) images"
        + " (\(option)); pack it again with another compressor"
    }
    // Other writers record filters that they tried, of which the blocks may have only some.
    if let known = kernel.filters, filters.isDisjoint(with: known),
      let missing = filters.known.first
    {
      return "this machine's kernel cannot read xz blocks with the filter \(missing.name)"
        + " (\(missing.kernelOption)); pack it again with --bcj none"
    }
    return nil
  }

  private static func text(_ problem: Superblock.Problem) -> String {
    switch problem {
    case .empty, .unfinished: "its writer did not finish; pack and upload it again"
    case .notSquashFS: "not a SquashFS image"
    case .foreign(let format):
      "it is \(format.name), which Linux does not mount; unpack it with \(format.tool) and pack it again"
    case .version(let major, let minor):
      "SquashFS version \(major).\(minor), but the kernel reads only 4.0; pack it again"
    case .blockSize(let size, _): "a block size of \(size) bytes; the image is damaged"
    case .compressor(let number): "the kernel does not know compressor number \(number)"
    }
  }
}

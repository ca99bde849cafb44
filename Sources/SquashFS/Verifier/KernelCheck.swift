internal import Posix
internal import SquashFSFormat

/// Looks at compressed blocks with the eyes of the kernel's decompressors, which take less than
/// the libraries do.
enum KernelCheck {
  /// Has every metadata block that is read looked at.
  static func watchMetadata(of image: Image, _ list: FindingList) {
    let check = BlockWatch(image)
    let base = image.input.base
    image.idTable.blocks.forget()  // was read when the image was opened
    for table in tables(of: image) {
      table.inspect = { payload, offset, unpacked in
        if unpacked.consumed < payload.count {
          list.add(
            Finding(
              .warning, .layout, offset: offset,
              "\((payload.count - unpacked.consumed).counted("byte")) too many in a metadata block")
          )
        }
        let end = offset &- base &+ 2 &+ UInt64(payload.count)
        if let problem = check.problem(with: payload, unpackedSize: unpacked.count, end: end) {
          list.add(problem, offset: offset)
        }
      }
    }
  }

  /// Ends that: blocks that are read again have been looked at.
  static func endWatch(of image: Image) {
    for table in tables(of: image) { table.inspect = nil }
  }

  private static func tables(of image: Image) -> [MetadataTable] {
    [
      image.inodes, image.directories, image.idTable.blocks, image.fragmentTable?.blocks,
      image.exportTable?.blocks, image.xattrs?.pairs, image.xattrs?.rows.blocks,
    ].compactMap { $0 }
  }
}

/// What some kernels, or all, have against an image that a library unpacks.
enum KernelProblem: Equatable {
  case allKernels(String)
  /// Only newer ones take it.
  case olderKernels(String)
}

/// Tells what a kernel would not take in a compressed block.
struct BlockWatch: Sendable {
  private let compressor: CompressorID
  /// What the kernel's decompressor has memory for, in bytes.
  private let window: UInt64

  init(_ image: Image) {
    compressor = image.superblock.compressor
    let blockSize = max(image.superblock.blockSize.byteCount, MetadataBlock.byteCount)
    if case .xz(let dictionary, _) = image.compressorOptions {
      window = UInt64(max(Int(dictionary), MetadataBlock.byteCount))
    } else {
      window = UInt64(blockSize)
    }
  }

  /// - Parameters:
  ///   - block: a block that unpacks without error.
  ///   - unpackedSize: the number of bytes that it unpacks to.
  ///   - end: where it ends in the image.
  func problem(
    with block: UnsafeRawBufferPointer, unpackedSize: Int, end: UInt64
  ) -> KernelProblem? {
    switch compressor {
    case .xz: xzProblem(block)
    case .zstd: zstdProblem(block, unpackedSize, end).map { .allKernels($0) }
    case .gzip, .lzma, .lzo, .lz4: nil
    }
  }

  /// Layout: The .xz File Format, sections 2.1.1 and 3.1. What the kernel takes: its lib/xz, which
  /// has no check but CRC32, and no filters but LZMA2 and before it one for machine code.
  private func xzProblem(_ block: UnsafeRawBufferPointer) -> KernelProblem? {
    let cut = KernelProblem.allKernels("an xz block's header is cut")
    guard block.count > 14 else { return cut }
    let check = block[7] & 0xf
    guard check <= 1 else {
      return .allKernels("xz blocks have check number \(check), the kernel knows CRC32")
    }
    let headerSize = (Int(block[12]) + 1) * 4
    guard 12 + headerSize <= block.count else { return cut }
    let flags = block[13]
    var position = 14
    let end = 12 + headerSize
    func number() -> UInt64? {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while position < end, shift < 63 {
        let byte = block[position]
        position += 1
        value |= UInt64(byte & 0x7f) << shift
        if byte & 0x80 == 0 { return value }
        shift += 7
      }
      return nil
    }
    if flags & 0x40 != 0 && number() == nil { return cut }
    if flags & 0x80 != 0 && number() == nil { return cut }
    guard flags & 3 <= 1 else {
      return .allKernels("xz blocks with \(flags & 3 + 1) filters, the kernel takes two")
    }
    var problem: KernelProblem?
    for _ in 0...(flags & 3) {
      guard let id = number(), let size = number(), size <= UInt64(end - position) else {
        return cut
      }
      switch id {
      case 0x21:
        guard size == 1 else { return cut }
        let bits = block[position] & 0x3f
        let dictionary = bits >= 40 ? .max : (2 | UInt64(bits & 1)) << UInt64(bits / 2 + 11)
        guard dictionary <= window else {
          return .allKernels(
            "xz blocks need a dictionary of \(dictionary) bytes, the kernel has \(window)")
        }
      case 4...11:
        // x86, PowerPC, IA-64, ARM, ARM-Thumb, SPARC; ARM64 and RISC-V came later.
        if size > 0 { return .allKernels("an xz filter with an offset") }
        if id >= 10 {
          problem = .olderKernels("xz filter number \(id), which Linux has from 6.12 on")
        }
      default: return .allKernels("xz filter number \(id), which the kernel does not know")
      }
      position += Int(size)
    }
    return problem
  }

  /// Layout: RFC 8878, section 3.1.1.1.
  private func zstdProblem(
    _ block: UnsafeRawBufferPointer, _ unpackedSize: Int, _ end: UInt64
  ) -> String? {
    guard block.count > 5 else { return nil }
    let descriptor = block[4]
    // The kernel reads and writes page by page (its fs/squashfs/zstd_wrapper.c). Where all pages of
    // the content are full, and the frame still lacks bytes that lie in the next page, it gives up.
    let page = 4096
    let isFull = unpackedSize > 0 && unpackedSize % page == 0
    if descriptor & 4 != 0, isFull, (1...4).contains(end % UInt64(page)) {
      return "a zstd block's checksum goes over the end of a page, which the kernel fails to read"
    }
    // A frame in one segment needs no more memory than its content.
    guard descriptor & 0x20 == 0 else { return nil }
    let exponent = UInt64(block[5] >> 3)
    let base: UInt64 = 1 << (10 + exponent)
    let size = base + base / 8 * UInt64(block[5] & 7)
    return size > window
      ? "zstd blocks need a window of \(size) bytes, the kernel has \(window)" : nil
  }
}

internal import Posix
internal import SquashFSFormat

/// What some kernels, or all, have against an image that a library unpacks.
enum KernelProblem: Equatable {
  /// How the image was made.
  case allKernels(String)
  /// The same, but newer ones take it.
  case olderKernels(String)
  /// This block alone: what is wrong with it, after its name.
  case damage(String)
}

/// Tells what a kernel would not take in a compressed block; for one thread.
final class BlockWatch {
  /// A block that unpacks without error.
  struct Block {
    /// What the library has used of it.
    var bytes: UnsafeRawBufferPointer
    var unpackedSize: Int
    /// The number of bytes that the kernel has room for where this block goes.
    var room: Int
    /// Where it starts in the image.
    var start: UInt64

    var end: UInt64 { start &+ UInt64(bytes.count) }
  }

  private let compressor: CompressorID
  private let xz: XZWatch
  private let zstd: ZstdWatch

  init(_ image: Image) {
    compressor = image.superblock.compressor
    let window = max(image.superblock.blockSize.byteCount, MetadataBlock.byteCount)
    if case .xz(let dictionary, _) = image.compressorOptions {
      xz = XZWatch(dictionary: UInt64(dictionary))
    } else {
      xz = XZWatch(dictionary: UInt64(window))
    }
    zstd = ZstdWatch(window: UInt64(window))
  }

  func problem(with block: Block) -> KernelProblem? {
    // As its fs/squashfs/block.c says of blocks that it unpacks straight into their pages.
    if block.bytes.count > block.room {
      return .allKernels("blocks are larger than what they unpack to, which most kernels refuse")
    }
    return switch compressor {
    case .xz: xz.problem(with: block.bytes)
    case .zstd: zstd.problem(with: block)
    case .lzo: LZOWatch.problem(with: block.bytes)
    case .gzip, .lzma, .lz4: nil
    }
  }
}

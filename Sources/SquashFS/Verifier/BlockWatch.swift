import Posix
import SquashFSFormat

/// The objection of some or all kernels to an image that a library can unpack.
enum KernelProblem: Equatable {
  /// It is due to how the image was made.
  case allKernels(String)
  /// The same, but newer kernels accept it.
  case olderKernels(String)
  /// It concerns this block alone; the text follows the block's name.
  case damage(String)
}

/// Finds what a kernel would not accept in a compressed block; for use by one thread.
final class BlockWatch {
  /// A block that unpacks without error.
  struct Block {
    /// The part that the library used.
    var bytes: UnsafeRawBufferPointer
    var unpackedSize: Int
    /// The number of bytes that the kernel has room for in this block's place.
    var room: Int
    /// Its start in the image; `nil` if it must suit any.
    var start: UInt64?
  }

  private let compressor: CompressorID
  private let xz: XZWatch
  private let zstd: ZstdWatch

  convenience init(_ image: Image) {
    self.init(
      image.superblock.compressor, blockSize: image.superblock.blockSize,
      options: image.compressorOptions)
  }

  /// - Parameter options: the compressor's settings that the image records, if any.
  init(_ compressor: CompressorID, blockSize: BlockSize, options: CompressorOptions?) {
    self.compressor = compressor
    let window = max(blockSize.byteCount, MetadataBlock.byteCount)
    if case .xz(let dictionary, _) = options {
      xz = XZWatch(dictionary: UInt64(dictionary))
    } else {
      xz = XZWatch(dictionary: UInt64(window))
    }
    zstd = ZstdWatch(window: UInt64(window))
  }

  func problem(with block: Block) -> KernelProblem? {
    // As fs/squashfs/block.c has it for blocks unpacked straight into their pages.
    if block.bytes.count > block.room {
      return .allKernels("blocks are larger compressed than unpacked, which most kernels refuse")
    }
    return switch compressor {
    case .xz: xz.problem(with: block.bytes)
    case .zstd: zstd.problem(with: block)
    case .lzo: LZOWatch.problem(with: block.bytes)
    case .gzip, .lzma, .lz4: nil
    }
  }
}

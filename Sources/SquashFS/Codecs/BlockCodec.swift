import CLZMA
import CZstd

/// One compressor with its working memory, kept from block to block; used by one thread at a time.
protocol BlockCompressor: AnyObject {
  /// Compresses `input` into `output`.
  ///
  /// - Parameter shape: what the block looks like; a codec may choose its settings by it.
  /// - Returns: the number of bytes written; `nil` if the result does not fit: the block is then
  ///   better stored uncompressed.
  func compress(
    _ input: UnsafeRawBufferPointer, shape: BlockShape,
    into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> Int?
}

/// One decompressor with its working memory, kept from block to block; used by one thread at a
/// time.
protocol BlockDecompressor: AnyObject {
  /// Unpacks one block.
  ///
  /// - Throws: `CodecError` if the block is damaged or unpacks to more than `output` holds.
  func decompress(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(CodecError) -> UnpackedBlock
}

/// The result of unpacking a block.
struct UnpackedBlock {
  /// The number of bytes written.
  var count: Int
  /// The number of bytes read: those after them mean nothing.
  var consumed: Int
}

/// A failure reported by a compression library.
package struct CodecError: Error, CustomStringConvertible {
  package var codec: String
  /// The library's own error number.
  package var code: Int
  /// Whether the block may be in order, but needs a newer library.
  var needsNewerLibrary = false

  package var description: String {
    isOutOfMemory ? "not enough memory" : "the \(codec) library failed with error \(code)"
  }

  /// Whether the library ran out of memory, which says nothing about the block.
  private var isOutOfMemory: Bool {
    switch codec {
    case "xz", "lzma": code == Int(LZMA_MEM_ERROR.rawValue)
    case "gzip": code == Self.deflateMemory
    case "zstd": code == Int(ZSTD_error_memory_allocation.rawValue)
    default: false
    }
  }

  /// The error for a block that does not unpack.
  func asReadError(_ block: String, at offset: UInt64) -> ImageReadError {
    isOutOfMemory
      ? ImageReadError(.unreadable, at: offset, "not enough memory to unpack \(block)")
      : needsNewerLibrary
        ? ImageReadError(
          .unsupported, at: offset, "\(block) needs a newer \(codec) library than this program has")
        : .damaged(at: offset, "\(block) does not unpack: it is damaged")
  }
}

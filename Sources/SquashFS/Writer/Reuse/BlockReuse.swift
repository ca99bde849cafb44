import Posix
import SquashFSFormat

/// Takes compressed blocks over from an old image; for use by one thread.
final class BlockReuse {
  /// What all threads read from.
  struct Source: Sendable {
    let input: ImageInput
    let compressor: CompressorID
    let blockSize: BlockSize
    /// The settings that both images have.
    let options: CompressorOptions?
  }

  enum Outcome {
    /// The old block is the new one; its bytes are in the output.
    case same
    /// It has other content, or a form that this program does not write.
    case different
    case unreadable
  }

  private let source: Source
  private let codec: any BlockDecompressor
  private let watch: BlockWatch
  private let unpacked: OldBlockBuffer
  /// For gzip alone.
  private let deflate: DeflateWatch?

  init(_ source: Source) throws(CodecError) {
    self.source = source
    codec = try source.compressor.makeDecompressor()
    watch = BlockWatch(source.compressor, blockSize: source.blockSize, options: source.options)
    unpacked = OldBlockBuffer(source.blockSize)
    deflate = source.compressor == .gzip ? DeflateWatch() : nil
  }

  /// Reads an old block and compares it. It is read only once: whatever happens to the file, the
  /// bytes compared are those that are written.
  ///
  /// - Parameters:
  ///   - place: where the block lies in the old image.
  ///   - plain: the new block.
  ///   - output: room for a block, overwritten in any case.
  ///   - filter: finds the filter that the new block is to get; asked only if the content is the same.
  func take(
    _ place: BlockPlace, for plain: UnsafeRawBufferPointer,
    into output: UnsafeMutableRawBufferPointer, filter: () -> CodeFilter?
  ) -> Outcome {
    // A stored block is as large as its content; a compressed one must be smaller.
    let size = place.stored.byteCount
    guard place.stored.isCompressed ? size < plain.count : size == plain.count else {
      return .different
    }
    let target = UnsafeMutableRawBufferPointer(rebasing: output[..<size])
    guard (try? source.input.read(target, at: place.start)) != nil else { return .unreadable }
    let stored = UnsafeRawBufferPointer(target)
    guard place.stored.isCompressed else {
      return BlockHash.areEqual(stored, plain) ? .same : .different
    }
    // Into the room that the kernel has for it: with more room, lz4 ends differently.
    guard let block = try? codec.decompress(stored, into: unpacked.bytes) else {
      return .unreadable
    }
    let content = UnsafeRawBufferPointer(rebasing: unpacked.bytes[..<block.count])
    guard block.consumed == size, BlockHash.areEqual(content, plain) else { return .different }
    return isUsual(stored, plain.count, filter()) ? .same : .different
  }

  /// Whether a block has a form that this program writes and all kernels read.
  private func isUsual(
    _ stored: UnsafeRawBufferPointer, _ count: Int, _ filter: CodeFilter?
  ) -> Bool {
    let block = BlockWatch.Block(
      bytes: stored, unpackedSize: count, room: unpacked.bytes.count, start: nil)
    switch watch.problem(with: block) {
    case nil, .olderKernels: break  // a filter that the new block gets too
    case .allKernels, .damage: return false
    }
    return switch source.compressor {
    case .xz: source.compressor.hasChecksum(stored) && XZWatch.hasOneBlock(stored, filter: filter)
    case .zstd: !source.compressor.hasChecksum(stored)
    case .gzip: deflate?.accepts(stored, room: unpacked.bytes) == true
    case .lz4, .lzo, .lzma: true
    }
  }
}

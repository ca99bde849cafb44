import Posix
import SquashFSFormat
import Synchronization

/// Reads and unpacks blocks of files, one at a time; each thread has its own instance.
package final class BlockUnpacker {
  private let input: ImageInput
  private let codec: any BlockDecompressor
  private let packed: UnsafeMutableRawBufferPointer
  private let blockSize: Int

  init(_ image: Image) throws(ImageReadError) {
    input = image.input
    blockSize = image.superblock.blockSize.byteCount
    do {
      codec = try image.superblock.compressor.makeDecompressor()
    } catch {
      throw ImageReadError(.unsupported, "\(error)")
    }
    packed = .allocate(byteCount: blockSize, alignment: 64)
  }

  deinit { packed.deallocate() }

  /// Unpacks the block at `place` into `output`, which has room for a whole block.
  ///
  /// - Parameter place: checked by `Image`.
  /// - Returns: the number of bytes.
  /// - Throws: `ImageReadError` if the block is unreadable or damaged.
  package func unpack(
    _ place: BlockPlace, into output: UnsafeMutableRawBufferPointer
  ) throws(ImageReadError) -> Int {
    let count = place.stored.byteCount
    guard place.stored.isCompressed else {
      input.work.dataBlocks.add(1, ordering: .relaxed)
      try input.read(UnsafeMutableRawBufferPointer(rebasing: output[..<count]), at: place.start)
      return count
    }
    let source = UnsafeMutableRawBufferPointer(rebasing: packed[..<count])
    try input.read(source, at: place.start)
    return try unpack(UnsafeRawBufferPointer(source), from: place, into: output).count
  }

  /// Unpacks a compressed block that has been read.
  func unpack(
    _ source: UnsafeRawBufferPointer, from place: BlockPlace,
    into output: UnsafeMutableRawBufferPointer
  ) throws(ImageReadError) -> UnpackedBlock {
    input.work.dataBlocks.add(1, ordering: .relaxed)
    do {
      return try codec.decompress(source, into: output)
    } catch {
      throw error.asReadError(
        "a block of \(source.count.counted("byte"))", at: input.base + place.start)
    }
  }
}

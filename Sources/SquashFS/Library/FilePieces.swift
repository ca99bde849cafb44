import Posix
import SquashFSFormat

/// The bytes of a regular file, unpacked block by block: memory holds only one piece, whatever the
/// file's size.
public struct FilePieces {
  /// The size of the whole file.
  public let byteCount: UInt64

  private let image: Image
  private let unpacker: BlockUnpacker
  private var blocks: FileBlocks
  private var zerosLeft = 0

  init(_ image: Image, _ inode: ImageInode) throws(ImageReadError) {
    self.image = image
    unpacker = try image.makeUnpacker()
    blocks = try image.blocks(of: inode)
    if case .file(let file) = inode.record.body { byteCount = file.size } else { byteCount = 0 }
  }

  /// The next bytes, at least one and at most a block; `nil` at the file's end.
  ///
  /// - Throws: `ImageReadError` if they are damaged or unreadable; later pieces may still be
  ///   readable.
  public mutating func next() throws(ImageReadError) -> [UInt8]? {
    if zerosLeft == 0 {
      guard let part = try blocks.next() else { return nil }
      switch part {
      case .block(let place, let size): return try bytes(of: place, 0, size, isWhole: true)
      case .tail(let fragment, let offset, let size):
        return try bytes(of: image.fragment(fragment), offset, size, isWhole: false)
      case .hole(let size): zerosLeft = size
      }
    }
    let count = min(zerosLeft, image.blockSize)
    zerosLeft -= count
    return [UInt8](repeating: 0, count: count)
  }

  /// - Parameter isWhole: whether these are all the bytes of the block.
  private func bytes(
    of place: BlockPlace, _ offset: Int, _ size: Int, isWhole: Bool
  ) throws(ImageReadError) -> [UInt8] {
    var failure: ImageReadError?
    let block = [UInt8](unsafeUninitializedCapacity: image.blockSize) { buffer, count in
      do throws(ImageReadError) {
        count = try unpacker.unpack(place, into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    guard offset + size <= block.count, !isWhole || size == block.count else {
      throw .damaged(
        at: image.input.base + place.start,
        "block unpacks to \(block.count.counted("byte")), expected \((offset + size).grouped)")
    }
    return isWhole ? block : Array(block[offset..<offset + size])
  }
}

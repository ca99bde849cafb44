import SquashFSFormat
import TreeModel

/// Finds files of an image by their size and first block, for those that have another path now.
///
/// Small files are not in it: they have no block of their own.
struct OldSizes {
  private struct File {
    var size: UInt64
    var start: UInt64
    var file: OldFile
  }

  private let image: Image
  private let unpacker: BlockUnpacker
  private let buffer: OldBlockBuffer
  /// In order of their sizes.
  private var files: [File] = []
  /// The first file with a size and a first block, by the hash of both; of all sizes asked for.
  private var firstBlocks: [UInt64: OldFile] = [:]
  private var known: Set<UInt64> = []
  /// How many first blocks were unpacked, or could not be.
  private var unpacked = 0
  private(set) var unreadable = 0

  /// Limits the index to 24 MB, whatever the image claims to have.
  private static let mostFiles = 1 << 20
  /// The number of blocks to unpack at most, beyond one for each block of the new image.
  private static let freeBlocks = 1000

  /// Reads all inodes.
  ///
  /// - Throws: `ImageReadError` if the system lacks memory to unpack blocks.
  init(_ image: Image) throws(ImageReadError) {
    self.image = image
    unpacker = try image.makeUnpacker()
    buffer = OldBlockBuffer(image.superblock.blockSize)
    guard var scan = try? InodeScan(image) else { return }
    for _ in 0..<image.superblock.inodeCount {
      // Whatever follows damage cannot be found.
      guard files.count < Self.mostFiles, let inode = try? scan.next() else { break }
      guard case .file(let file) = inode.record.body,
        file.size >= UInt64(image.superblock.blockSize.byteCount)
      else { continue }
      files.append(
        File(
          size: file.size, start: file.blocksStart,
          file: OldFile(number: inode.reference.rawValue)))
    }
    files.sort { ($0.size, $0.start, $0.file.number) < ($1.size, $1.start, $1.file.number) }
  }

  /// A file of this size that probably begins with a block.
  ///
  /// - Parameters:
  ///   - hash: the block's `BlockHash`.
  ///   - blocks: the number of blocks of the new image so far, which limits the effort.
  mutating func file(size: UInt64, hash: UInt64, blocks: Int) -> OldFile? {
    if known.insert(size).inserted { readFirstBlocks(size: size, most: Self.freeBlocks + blocks) }
    return firstBlocks[Self.key(size, hash)]
  }

  private mutating func readFirstBlocks(size: UInt64, most: Int) {
    var (low, high) = (0, files.count)
    while low < high {
      let middle = (low + high) / 2
      if files[middle].size < size { low = middle + 1 } else { high = middle }
    }
    var before: UInt64?
    for candidate in files[low...].prefix(while: { $0.size == size }) {
      guard unpacked < most else { return }
      // Equal files share their blocks.
      if candidate.start == before { continue }
      before = candidate.start
      guard let hash = firstBlock(of: candidate.file) else { continue }
      let key = Self.key(size, hash)
      if firstBlocks[key] == nil { firstBlocks[key] = candidate.file }
    }
  }

  /// The hash of a file's first block; `nil` if that is a hole or unreadable.
  private mutating func firstBlock(of file: OldFile) -> UInt64? {
    let reference = MetadataReference(rawValue: file.number)
    guard let inode = try? image.inode(at: reference), var blocks = try? image.blocks(of: inode),
      let place = try? blocks.wholeBlock(at: 0)
    else { return nil }
    unpacked += 1
    guard let count = try? unpacker.unpack(place, into: buffer.bytes) else {
      unreadable += 1
      return nil
    }
    return BlockHash.hash(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
  }

  private static func key(_ size: UInt64, _ hash: UInt64) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(size)
    hasher.combine(hash)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}

/// Room for one unpacked block.
final class OldBlockBuffer {
  let bytes: UnsafeMutableRawBufferPointer

  init(_ blockSize: BlockSize) {
    bytes = .allocate(byteCount: blockSize.byteCount, alignment: 64)
  }

  deinit { bytes.deallocate() }
}

import SquashFSFormat
import TreeModel

/// Where the blocks of the current file may lie in an old image: those of the file with the same
/// path, or else with the same size and first block, at the same offsets.
///
/// Each block is tried, even after many that differ: unpacking takes about a tenth of the time that
/// compressing takes, so missing one block that is the same would cost more than trying ten others.
struct OldBlocks {
  let image: OldImage
  private var file: InodeRecord.File?
  private var blocks: FileBlocks?

  init(_ image: OldImage) { self.image = image }

  /// Starts a file.
  mutating func begin(_ old: OldFile?) {
    file = nil
    blocks = nil
    guard let old, let inode = image.inode(of: old), case .file(let file) = inode.record.body
    else { return }
    self.file = file
    blocks = image.blocks(of: inode)
  }

  /// Takes another file instead, if one is more likely to be the same.
  ///
  /// - Parameters:
  ///   - size: the current file's size, if known.
  ///   - hash: the `BlockHash` of its first block.
  ///   - count: the number of blocks of all files so far.
  mutating func reconsider(size: UInt64?, hash: UInt64, count: Int) {
    guard let size, file?.size != size,
      let other = image.find(size: size, hash: hash, blocks: count)
    else { return }
    begin(other)
  }

  /// The place of the block at an offset; offsets must not decrease within a file.
  mutating func place(at offset: UInt64) -> BlockPlace? {
    guard blocks != nil else { return nil }
    return image.place(at: offset, in: &blocks!)
  }

  /// The fragment block with the file's tail, if it begins at this offset there.
  func fragment(withTailAt offset: Int) -> UInt32? {
    guard let file, file.hasFragment, Int(file.fragmentOffset) == offset else { return nil }
    return file.fragment
  }
}

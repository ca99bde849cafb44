import Posix
import SquashFSFormat

/// A table of fixed-size rows in an image: metadata blocks, and a list of their positions.
///
/// Layout: SquashFS Binary Format, section "Storing Lookup Tables".
final class LookupTableReader {
  /// The position in the image of the list of positions.
  let list: UInt64
  let rowSize: Int
  let count: Int
  private let input: ImageInput
  /// The blocks of rows, by their position in the image.
  let blocks: MetadataTable
  private var chunk = [UInt64](repeating: 0, count: 512)
  private var chunkStart = -1

  /// - Parameters:
  ///   - rowSize: a power of two in bytes, at most 16.
  ///   - end: the first byte of the image that cannot be part of the table.
  /// - Throws: `ImageReadError` if the list does not fit before `end`.
  init(
    list: UInt64, rowSize: Int, count: Int, end: UInt64, of input: ImageInput,
    codec: any BlockDecompressor, name: String, cacheLimit: Int = 512,
    sharing cache: MetadataCache? = nil
  ) throws(ImageReadError) {
    self.list = list
    self.rowSize = rowSize
    self.count = count
    self.input = input
    let size = UInt64((count * rowSize + MetadataBlock.byteCount - 1) / MetadataBlock.byteCount) * 8
    guard list >= UInt64(Superblock.byteCount), list <= end, size <= end - list else {
      throw .damaged(
        at: input.base.addingReportingOverflow(min(list, end)).partialValue,
        "the \(name) table with \(count) rows does not fit here")
    }
    blocks = MetadataTable(
      0..<list, "\(name) table", of: input, codec: codec, cacheLimit: cacheLimit, sharing: cache)
  }

  /// An empty table in place of a lost one.
  convenience init(
    emptyAt position: UInt64, of input: ImageInput, codec: any BlockDecompressor, name: String
  ) throws(ImageReadError) {
    try self.init(
      list: position, rowSize: 4, count: 0, end: position, of: input, codec: codec, name: name)
  }

  var blockCount: Int { (count * rowSize + MetadataBlock.byteCount - 1) / MetadataBlock.byteCount }

  /// The size of the list in bytes.
  var listSize: UInt64 { UInt64(blockCount) * 8 }

  /// The position in the image of a metadata block of rows.
  func position(ofBlock index: Int) throws(ImageReadError) -> UInt64 {
    let start = index / chunk.count * chunk.count
    if start != chunkStart {
      let entries = min(chunk.count, blockCount - start)
      var failure: ImageReadError?
      chunk.withUnsafeMutableBytes { buffer in
        do throws(ImageReadError) {
          try input.read(
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<(entries * 8)]),
            at: list + UInt64(start) * 8)
        } catch { failure = error }
      }
      if let failure { throw failure }
      chunkStart = start
    }
    return UInt64(littleEndian: chunk[index - start])
  }

  /// The unpacked block of rows with this index in the list.
  func block(_ index: Int) throws(ImageReadError) -> MetadataTable.Block {
    let position = try position(ofBlock: index)
    guard position >= UInt64(Superblock.byteCount), position < list else {
      throw .damaged(
        at: input.base + list + UInt64(index) * 8,
        "the list of the \(blocks.name) names a block that does not lie before it")
    }
    let block = try blocks.block(at: position)
    let expected = min(MetadataBlock.byteCount, count * rowSize - index * MetadataBlock.byteCount)
    guard block.count >= expected else {
      throw .damaged(
        at: input.base + block.start,
        "a block of the \(blocks.name) has \(block.count.counted("byte")), expected \(expected.grouped)"
      )
    }
    return block
  }

  /// A row; `index` must be below `count`.
  func row<R>(_ index: Int, _ body: (RawSpan) -> R) throws(ImageReadError) -> R {
    let offset = index * rowSize
    let block = try block(offset / MetadataBlock.byteCount)
    let start = offset % MetadataBlock.byteCount
    return body(UnsafeRawBufferPointer(rebasing: block.bytes[start..<start + rowSize]).bytes)
  }
}

import Posix
import SquashFSFormat
import Synchronization

/// Reads and unpacks the blocks of a table, for use by one thread.
final class MetadataLoader {
  /// The range of the table's blocks in the image, in bytes.
  let range: Range<UInt64>
  /// The name in errors: "inode table".
  let name: String
  private let input: ImageInput
  private let codec: any BlockDecompressor
  /// Called with each compressed block as stored, its position in the file, and the number of its
  /// bytes that the codec used.
  var inspect: ((UnsafeRawBufferPointer, UInt64, UnpackedBlock) -> Void)?

  /// Stored bytes, read ahead: blocks are small and mostly read in order.
  private let window = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
  private var windowStart: UInt64 = 0
  private var windowCount = 0

  /// An unpacked block; it does not change once it is loaded.
  final class Block: @unchecked Sendable {
    /// The position of the block's header in the table.
    let start: UInt64
    /// The position of the next block's header in the table.
    fileprivate(set) var next: UInt64 = 0
    /// The number of bytes, 1 to 8,192.
    fileprivate(set) var count = 0
    let base: UnsafeMutableRawPointer
    /// Whether it was requested since a cache last looked.
    let wasUsed = Atomic(true)
    /// The memory that a block takes, in bytes.
    static let memorySize = MetadataBlock.byteCount + 128

    fileprivate init(start: UInt64) {
      self.start = start
      base = .allocate(byteCount: MetadataBlock.byteCount, alignment: 8)
    }
    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
  }

  init(
    _ range: Range<UInt64>, _ name: String, of input: ImageInput, codec: any BlockDecompressor
  ) {
    self.range = range
    self.name = name
    self.input = input
    self.codec = codec
  }

  deinit { window.deallocate() }

  /// The position in the file of an offset in the table.
  func fileOffset(_ start: UInt64) -> UInt64 {
    let (position, overflow) = range.lowerBound.addingReportingOverflow(start)
    return overflow ? UInt64.max : input.base.addingReportingOverflow(position).partialValue
  }

  /// Reads and unpacks the block with its header `start` bytes after the table's start.
  func load(_ start: UInt64) throws(ImageReadError) -> Block {
    let size = range.upperBound - range.lowerBound
    guard start < size, size - start > 2 else {
      throw .damaged(
        at: fileOffset(start), "a block of the \(name) lies here, outside the table")
    }
    let header = try stored(start, 2).little(0, as: UInt16.self)
    let count = Int(header & ~MetadataBlock.uncompressedBit)
    guard count > 0, count <= MetadataBlock.byteCount, UInt64(count) <= size - start - 2 else {
      throw .damaged(
        at: fileOffset(start),
        "a block of the \(name) has an invalid size of \(count.counted("byte"))")
    }
    let payload = UnsafeRawBufferPointer(rebasing: try stored(start, 2 + count)[2...])
    let block = Block(start: start)
    block.next = start + 2 + UInt64(count)
    if header & MetadataBlock.uncompressedBit == 0 {
      let unpacked: UnpackedBlock
      do throws(CodecError) {
        unpacked = try codec.decompress(
          payload,
          into: UnsafeMutableRawBufferPointer(start: block.base, count: MetadataBlock.byteCount))
      } catch {
        throw error.asReadError("a block of the \(name)", at: fileOffset(start))
      }
      block.count = unpacked.count
      inspect?(payload, fileOffset(start), unpacked)
      guard block.count > 0 else {
        throw .damaged(at: fileOffset(start), "a block of the \(name) is empty")
      }
    } else {
      block.base.copyMemory(from: payload.baseAddress!, byteCount: count)
      block.count = count
    }
    return block
  }

  /// The table's bytes as stored; valid until the next call.
  private func stored(_ start: UInt64, _ count: Int) throws(ImageReadError)
    -> UnsafeRawBufferPointer
  {
    let isThere =
      start >= windowStart && start - windowStart <= UInt64(windowCount)
      && UInt64(windowCount) - (start - windowStart) >= UInt64(count)
    if !isThere {
      let rest = range.upperBound - range.lowerBound - start
      let wanted = UnsafeMutableRawBufferPointer(
        rebasing: window[..<Int(min(UInt64(window.count), rest))])
      windowCount = 0
      windowCount = try input.readSome(wanted, at: range.lowerBound + start)
      windowStart = start
      guard windowCount >= count else {
        throw .damaged(at: fileOffset(start), "the file ends within the \(name)")
      }
    }
    let first = Int(start - windowStart)
    return UnsafeRawBufferPointer(rebasing: window[first..<first + count])
  }
}

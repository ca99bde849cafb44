import Posix
import SquashFSFormat
import Synchronization

/// Counts for data and fragment blocks.
public struct BlockCounts: Sendable {
  /// Blocks that were or could not be unpacked.
  public var blocks: UInt64 = 0
  /// Their unpacked size in bytes.
  public var plainBytes: UInt64 = 0
  /// Blocks without a checksum: unpacking them does not prove their content.
  public var unproven: UInt64 = 0
}

/// The unpacked sizes of fragment blocks, recorded by several threads.
final class FragmentSizes: Sendable {
  private let sizes: Mutex<[UInt32]>

  init(count: Int) { sizes = Mutex([UInt32](repeating: 0, count: count)) }

  /// `nil` if the block could not be unpacked.
  subscript(index: UInt32) -> UInt32? {
    get {
      sizes.withLock { Int(index) < $0.count && $0[Int(index)] != 0 ? $0[Int(index)] : nil }
    }
    set {
      sizes.withLock { if Int(index) < $0.count { $0[Int(index)] = newValue ?? 0 } }
    }
  }
}

/// Unpacks runs of blocks on one thread.
final class BlockTester {
  /// The most bytes of the image to read at once, unless a single block is larger.
  static let runSize = 1 << 20

  private let image: Image
  private let list: FindingList
  private let fragmentSizes: FragmentSizes
  private let unpacker: BlockUnpacker
  private let watch: BlockWatch
  private let input: UnsafeMutableRawBufferPointer
  private let output: UnsafeMutableRawBufferPointer

  init(
    _ image: Image, _ list: FindingList, _ fragmentSizes: FragmentSizes
  ) throws(ImageReadError) {
    self.image = image
    self.list = list
    self.fragmentSizes = fragmentSizes
    unpacker = try image.makeUnpacker()
    watch = BlockWatch(image)
    input = .allocate(byteCount: Self.runSize, alignment: 64)
    output = .allocate(byteCount: image.superblock.blockSize.byteCount, alignment: 64)
  }

  deinit {
    input.deallocate()
    output.deallocate()
  }

  /// - Parameter blocks: each starts where the previous one ends, or repeats it.
  func test(_ blocks: [BlockCollector.Block]) -> BlockCounts {
    var counts = BlockCounts()
    guard let first = blocks.first, let last = blocks.last else { return counts }
    let run = UnsafeMutableRawBufferPointer(rebasing: input[..<Int(last.end - first.start)])
    let isRead: Bool
    do throws(ImageReadError) {
      try image.input.read(run, at: first.start)
      isRead = true
    } catch {
      isRead = false  // perhaps some blocks are readable on their own
    }
    var before: (block: BlockCollector.Block, result: Result<Int, ImageReadError>)?
    for block in blocks {
      let start = Int(block.start - first.start)
      let bytes = UnsafeMutableRawBufferPointer(
        rebasing: run[start..<start + block.stored.byteCount])
      do throws(ImageReadError) {
        let size: Int
        if let before, block.hasPlace(of: before.block) {
          size = try before.result.get()
        } else {
          let result = Result { () throws(ImageReadError) in
            if !isRead { try image.input.read(bytes, at: block.start) }
            return try test(block, UnsafeRawBufferPointer(bytes))
          }
          before = (block, result)
          counts.blocks += 1
          size = try result.get()
          counts.plainBytes += UInt64(size)
          if !block.stored.isCompressed
            || !image.superblock.compressor.hasChecksum(UnsafeRawBufferPointer(bytes))
          {
            counts.unproven += 1
          }
        }
        if block.isFragment {
          fragmentSizes[block.owner] = UInt32(size)
        } else if size != Int(block.size) {
          throw .damaged(
            at: image.input.base + block.start,
            "block unpacks to \(size.counted("byte")), expected \(block.size.grouped)")
        }
      } catch {
        list.add(error, .block, about: block.subject)
      }
    }
    return counts
  }

  private func test(
    _ block: BlockCollector.Block, _ bytes: UnsafeRawBufferPointer
  ) throws(ImageReadError) -> Int {
    guard block.stored.isCompressed else { return bytes.count }
    let room = block.isFragment ? output.count : Int(block.size)
    let unpacked = try unpack(block, bytes, room: room)
    if unpacked.consumed < bytes.count {
      throw .damaged(
        at: image.input.base + block.start,
        "\((bytes.count - unpacked.consumed).counted("byte")) too many in a block")
    }
    if unpacked.count == 0 {
      throw .damaged(at: image.input.base + block.start, "a block without content")
    }
    let stored = BlockWatch.Block(
      bytes: bytes, unpackedSize: unpacked.count, room: room, start: block.start)
    if let problem = watch.problem(with: stored) {
      list.add(
        problem, .block, of: "a block of \(bytes.count.counted("byte"))",
        offset: image.input.base + block.start, about: block.subject)
    }
    return unpacked.count
  }

  /// Unpacks a block into exactly the room that the kernel gives it: with more room, lz4 ends
  /// differently.
  private func unpack(
    _ block: BlockCollector.Block, _ bytes: UnsafeRawBufferPointer, room: Int
  ) throws(ImageReadError) -> UnpackedBlock {
    let place = BlockPlace(start: block.start, stored: block.stored)
    do throws(ImageReadError) {
      return try unpacker.unpack(
        bytes, from: place, into: UnsafeMutableRawBufferPointer(rebasing: output[..<room]))
    } catch {
      // Unpacking to more has its own message.
      guard room < output.count else { throw error }
      let unpacked = try unpacker.unpack(bytes, from: place, into: output)
      guard unpacked.count == room else { return unpacked }
      throw .damaged(
        at: image.input.base + block.start,
        "a block of \(bytes.count.counted("byte")) is damaged, and Linux cannot read it: its end does "
          + "not fit into the \(room.counted("byte")) of its content")
    }
  }
}

/// Blocks of a file that equals an earlier one so far, not compressed yet: most such files are
/// duplicates. A few MiB of them; larger files go on without waiting.
struct PostponedBlocks: ~Copyable {
  struct Block {
    var bytes: UnsafeMutableRawBufferPointer
    var count: Int
    /// Its row in the list of all blocks.
    var row: Int
  }

  private let blockSize: Int
  private let most: Int
  private var blocks: [Block] = []
  private var spare: [UnsafeMutableRawBufferPointer] = []
  /// Whether the file's further blocks need not wait.
  private(set) var isClosed = false

  /// - Parameter bytes: how much to postpone, but at least one block.
  init(blockSize: Int, bytes: Int) {
    self.blockSize = blockSize
    most = max(1, bytes / blockSize)
  }

  deinit {
    for block in blocks { block.bytes.deallocate() }
    for buffer in spare { buffer.deallocate() }
  }

  var isFull: Bool { blocks.count == most }

  /// Takes the first `count` bytes of `buffer`, which is replaced by another one.
  mutating func append(_ buffer: inout UnsafeMutableRawBufferPointer, count: Int, row: Int) {
    blocks.append(Block(bytes: buffer, count: count, row: row))
    buffer = spare.popLast() ?? .allocate(byteCount: blockSize, alignment: 64)
  }

  /// Passes on all blocks, whose buffers may be replaced by others.
  mutating func close(_ body: (inout Block) throws -> Void) rethrows {
    isClosed = true
    for index in blocks.indices { try body(&blocks[index]) }
    recycle()
  }

  /// Drops the blocks.
  mutating func reset() {
    isClosed = false
    recycle()
  }

  private mutating func recycle() {
    spare += blocks.map(\.bytes)
    blocks.removeAll(keepingCapacity: true)
  }
}

import Posix
import SquashFS
import SquashFSFormat
import Synchronization

/// Unpacks blocks into the cache: on the threads that take requests, as long as one of these stays
/// free for the next request, and on threads of its own.
final class Unpackers: @unchecked Sendable {
  private let cache: BlockCache
  private let buffers: BufferPool
  private let pool: TaskPool<BlockUnpacker>
  /// For the threads that take requests.
  private let idle: Mutex<[Unpacker]>
  /// The number of blocks being read ahead.
  private let ahead = Atomic(0)
  private let mostAhead: Int

  private final class Unpacker: @unchecked Sendable {
    let unpacker: BlockUnpacker
    init(_ unpacker: BlockUnpacker) { self.unpacker = unpacker }
  }

  /// - Parameters:
  ///   - callers: how many threads may unpack while they answer a request.
  ///   - threads: how many threads to start.
  init(_ image: Image, into cache: BlockCache, callers: Int, threads: Int) throws {
    self.cache = cache
    buffers = BufferPool(blockSize: image.superblock.blockSize.byteCount)
    var idle: [Unpacker] = []
    for _ in 0..<callers { idle.append(Unpacker(try image.makeUnpacker())) }
    self.idle = Mutex(idle)
    var unpackers: [BlockUnpacker] = []
    for _ in 0..<threads { unpackers.append(try image.makeUnpacker()) }
    mostAhead = 8 * threads
    pool = try TaskPool(contexts: unpackers, queueLimit: 4096)
  }

  /// Unpacks blocks that a caller has claimed; the last one in this thread, if possible.
  func unpack(_ blocks: [BlockCache.Block]) {
    guard let last = blocks.last else { return }
    for block in blocks.dropLast() { submit(block) }
    guard let own = idle.withLock({ $0.popLast() }) else { return submit(last) }
    cache.finish(last, content(of: last, own.unpacker))
    idle.withLock { $0.append(own) }
  }

  /// Unpacks blocks that will be needed, unless there is enough to do.
  func unpackAhead(_ place: BlockPlace) {
    guard ahead.load(ordering: .relaxed) < mostAhead, let block = cache.reserve(place) else {
      return
    }
    ahead.add(1, ordering: .relaxed)
    pool.submit { [self] unpacker in
      if cache.begin(block) { cache.finish(block, content(of: block, unpacker)) }
      ahead.subtract(1, ordering: .relaxed)
    }
  }

  /// Waits until there is nothing more to do.
  func finish() { pool.drain() }

  private func submit(_ block: BlockCache.Block) {
    pool.submit(isUrgent: true) { [self] unpacker in
      cache.finish(block, content(of: block, unpacker))
    }
  }

  private func content(
    of block: BlockCache.Block, _ unpacker: BlockUnpacker
  ) -> Result<BlockBuffer, ImageReadError> {
    Result { () throws(ImageReadError) in
      try buffers.block { (area) throws(ImageReadError) in
        try unpacker.unpack(block.place, into: area)
      }
    }
  }
}

import Posix
import SquashFSFormat

/// Reads files of an image in a given order: several threads unpack their blocks ahead, and the
/// blocks come out in order.
///
/// A window of blocks bounds the memory, whatever the files' sizes.
package final class ContentStream<Tag> {
  /// A piece of a file.
  package enum Part {
    /// Valid until the next call.
    case bytes(UnsafeRawBufferPointer)
    case hole(UInt64)
    /// Bytes that cannot be read.
    case lost(UInt64, ImageReadError)
  }

  private enum Item {
    case file(Tag)
    case part(FileBlocks.Part, UnpackedAhead?, isNew: Bool)
    case lost(UInt64, ImageReadError)
  }

  private let image: Image
  private let pool: TaskPool<BlockUnpacker>
  private let buffers: BufferPool
  private let window: Int
  private let produce: () throws -> (Tag, ImageInode?)?

  private var queue: [Item?] = []
  private var head = 0
  private var blocksAhead = 0
  private var blocks: FileBlocks?
  private var fileSize: UInt64 = 0
  private var isProducing = true
  private var current: UnpackedAhead?
  private var fragments: [(index: UInt32, block: UnpackedAhead)] = []
  private let fragmentLimit: Int

  /// The most bytes for blocks unpacked or about to be; fragments kept for later files may take as
  /// many again.
  private static var memoryLimit: Int { 16 << 20 }
  private static var queueLimit: Int { 1024 }

  /// - Parameters:
  ///   - produce: returns the next file, or `nil` after the last; an item without an inode has no
  ///     content. It runs ahead of `nextFile`, on the same thread.
  package init(
    _ image: Image, threads: Int, files produce: @escaping () throws -> (Tag, ImageInode?)?
  ) throws {
    self.image = image
    self.produce = produce
    let blockSize = image.superblock.blockSize.byteCount
    window = max(threads + 2, min(8 * threads, Self.memoryLimit / blockSize))
    fragmentLimit = max(4, min(64, Self.memoryLimit / blockSize))
    buffers = BufferPool(blockSize: blockSize)
    var unpackers: [BlockUnpacker] = []
    for _ in 0..<threads { unpackers.append(try image.makeUnpacker()) }
    pool = try TaskPool(contexts: unpackers, queueLimit: window + fragmentLimit)
  }

  /// Goes on to the next file, skipping the rest of the current one.
  ///
  /// - Throws: what `produce` throws.
  package func nextFile() throws -> Tag? {
    while try fill() {
      if case .file(let tag) = pop() { return tag }
    }
    return nil
  }

  /// The next part of the current file; `nil` at its end.
  ///
  /// - Throws: what `produce` throws for a later file.
  package func nextPart() throws -> Part? {
    current = nil
    guard try fill() else { return nil }
    if case .file = queue[head]! { return nil }
    switch pop() {
    case .file: return nil
    case .lost(let count, let error): return .lost(count, error)
    case .part(.hole(let size), _, _): return .hole(UInt64(size))
    case .part(.block(let place, let size), let block, _):
      return part(block!, 0, size, exactly: true, image.input.base + place.start)
    case .part(.tail(_, let offset, let size), let block, _):
      return part(block!, offset, size, exactly: false, block!.fileOffset)
    }
  }

  private func part(
    _ block: UnpackedAhead, _ offset: Int, _ size: Int, exactly: Bool, _ place: UInt64
  ) -> Part {
    switch block.wait() {
    case .failure(let error): return .lost(UInt64(size), error)
    case .success(let bytes):
      guard offset + size <= bytes.count, !exactly || size == bytes.count else {
        return .lost(
          UInt64(size),
          .damaged(
            at: place, "block unpacks to \(bytes.count) bytes, expected \(offset + size)"))
      }
      current = block
      return .bytes(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]))
    }
  }

  private func pop() -> Item {
    let item = queue[head]!
    queue[head] = nil
    head += 1
    if head == queue.count || head >= Self.queueLimit {
      queue.removeSubrange(..<head)
      head = 0
    }
    if case .part(_, _, isNew: true) = item { blocksAhead -= 1 }
    return item
  }

  /// Starts as much work as the window allows.
  ///
  /// - Returns: whether there is an item to take.
  private func fill() throws -> Bool {
    while blocksAhead < window && queue.count - head < Self.queueLimit && isProducing {
      if blocks != nil {
        addPart()
      } else if let (tag, inode) = try produce() {
        queue.append(.file(tag))
        if let inode, case .file(let file) = inode.record.body {
          do throws(ImageReadError) {
            blocks = try image.blocks(of: inode)
            fileSize = file.size
            if image.input.wantsHints { image.willRead(blocks!) }
          } catch {
            queue.append(.lost(file.size, error))
          }
        }
      } else {
        isProducing = false
      }
    }
    return head < queue.count
  }

  private func addPart() {
    let before = blocks!.offset
    do throws(ImageReadError) {
      guard let part = try blocks!.next() else {
        blocks = nil
        return
      }
      switch part {
      case .hole: queue.append(.part(part, nil, isNew: false))
      case .block(let place, _):
        queue.append(.part(part, unpack(place), isNew: true))
        blocksAhead += 1
      case .tail(let fragment, _, _):
        if let index = fragments.lastIndex(where: { $0.index == fragment }) {
          queue.append(.part(part, fragments[index].block, isNew: false))
        } else {
          let block = unpack(try image.fragment(fragment))
          if fragments.count == fragmentLimit { fragments.removeFirst() }
          fragments.append((fragment, block))
          queue.append(.part(part, block, isNew: true))
          blocksAhead += 1
        }
      }
    } catch {
      let after = blocks!.offset
      // An unreadable list of blocks takes the rest of the file with it.
      let lost = after > before ? after - before : fileSize - min(fileSize, before)
      queue.append(.lost(lost, error))
    }
  }

  private func unpack(_ place: BlockPlace) -> UnpackedAhead {
    let block = UnpackedAhead(buffers, fileOffset: image.input.base + place.start)
    pool.submit { unpacker in
      do throws(ImageReadError) {
        block.finish(.success(try unpacker.unpack(place, into: block.buffer)))
      } catch {
        block.finish(.failure(error))
      }
    }
    return block
  }
}

/// A block that one thread unpacks while others wait for it.
private final class UnpackedAhead: @unchecked Sendable {
  let buffer: UnsafeMutableRawBufferPointer
  let fileOffset: UInt64
  private let buffers: BufferPool
  // Guarded by the pool's monitor.
  private var result: Result<Int, ImageReadError>?

  init(_ buffers: BufferPool, fileOffset: UInt64) {
    self.buffers = buffers
    self.fileOffset = fileOffset
    buffer = buffers.take()
  }

  deinit { buffers.give(buffer) }

  func finish(_ result: Result<Int, ImageReadError>) {
    buffers.monitor.withLock {
      self.result = result
      buffers.monitor.signal(BufferPool.blockDone)  // only the stream's owner waits
    }
  }

  func wait() -> Result<UnsafeRawBufferPointer, ImageReadError> {
    let result = buffers.monitor.withLock { () -> Result<Int, ImageReadError> in
      while self.result == nil { buffers.monitor.wait(on: BufferPool.blockDone) }
      return self.result!
    }
    return result.map { UnsafeRawBufferPointer(rebasing: buffer[..<$0]) }
  }
}

/// Reusable buffers of one block each.
private final class BufferPool: @unchecked Sendable {
  static let blockDone = 0

  let monitor = Monitor(conditions: 1)
  private let blockSize: Int
  private var free: [UnsafeMutableRawBufferPointer] = []

  init(blockSize: Int) { self.blockSize = blockSize }

  deinit { for buffer in free { buffer.deallocate() } }

  func take() -> UnsafeMutableRawBufferPointer {
    monitor.withLock { free.popLast() }
      ?? .allocate(byteCount: blockSize, alignment: 64)
  }

  func give(_ buffer: UnsafeMutableRawBufferPointer) { monitor.withLock { free.append(buffer) } }
}

import Posix
import SquashFS
import Synchronization

/// Somebody who waits for blocks.
protocol BlockWaiter: AnyObject, Sendable {
  /// Called when one of them is unpacked or has failed, without any lock held.
  func blockIsDone()
}

/// The latest unpacked blocks of files. Each is unpacked once, however many ask for it meanwhile.
final class BlockCache: Sendable {
  /// A block in the cache, or formerly in it.
  final class Block: @unchecked Sendable {
    let place: BlockPlace
    // Guarded by the cache's lock; the content does not change once it is there.
    fileprivate var state = State.queued
    fileprivate var waiters: [any BlockWaiter] = []
    fileprivate var wasUsed = true

    fileprivate enum State {
      /// Nobody has begun to unpack it.
      case queued
      case unpacking
      case done(Result<BlockBuffer, ImageReadError>)
    }

    fileprivate init(_ place: BlockPlace) { self.place = place }

    /// The content; only once the cache or a waiter's call has said that it is there.
    var content: Result<BlockBuffer, ImageReadError> {
      guard case .done(let result) = state else {
        return .failure(ImageReadError(.unreadable, "a block that is not unpacked yet"))
      }
      return result
    }
  }

  /// What a reader of a block has to do.
  enum Claim {
    /// Nothing: the content is there.
    case ready
    /// To unpack it, and call `finish`.
    case mustUnpack
    /// To wait: somebody else unpacks it.
    case mustWait
  }

  private let state: Mutex<Shared>
  private let limit: Int

  private struct Shared {
    var blocks: [BlockPlace: Block] = [:]
    /// The blocks with content, which count against the limit.
    var clock: [Block] = []
    var hand = 0
    var byteCount = 0
  }

  /// - Parameter byteCount: the most memory for blocks that nobody uses at the moment.
  init(byteCount: Int) {
    limit = byteCount
    state = Mutex(Shared())
  }

  /// The memory that the blocks in the cache take, in bytes.
  var byteCount: Int { state.withLock { $0.byteCount } }

  /// The blocks at some places; `nil` unless all are there.
  func ready(_ places: [BlockPlace]) -> [Block]? {
    state.withLock { shared in
      var blocks: [Block] = []
      blocks.reserveCapacity(places.count)
      for place in places {
        guard let block = shared.blocks[place], case .done = block.state else { return nil }
        block.wasUsed = true
        blocks.append(block)
      }
      return blocks
    }
  }

  /// The block at a place, for somebody who waits for it unless it is ready.
  func claim(_ place: BlockPlace, for waiter: any BlockWaiter) -> (Block, Claim) {
    state.withLock { shared in
      let block = shared.blocks[place] ?? Block(place)
      shared.blocks[place] = block
      block.wasUsed = true
      switch block.state {
      case .done: return (block, .ready)
      case .unpacking:
        block.waiters.append(waiter)
        return (block, .mustWait)
      case .queued:
        block.state = .unpacking
        block.waiters.append(waiter)
        return (block, .mustUnpack)
      }
    }
  }

  /// Adds a block that will be needed.
  ///
  /// - Returns: `nil` if it is there already, in whatever state.
  func reserve(_ place: BlockPlace) -> Block? {
    state.withLock { shared in
      guard shared.blocks[place] == nil else { return nil }
      let block = Block(place)
      shared.blocks[place] = block
      return block
    }
  }

  /// Takes a reserved block over.
  ///
  /// - Returns: whether the caller has to unpack it: nobody else has begun to.
  func begin(_ block: Block) -> Bool {
    state.withLock { _ in
      guard case .queued = block.state else { return false }
      block.state = .unpacking
      return true
    }
  }

  /// Stores a block's content, and calls those who wait for it. A failure goes to them only: whoever
  /// asks later tries again.
  func finish(_ block: Block, _ result: Result<BlockBuffer, ImageReadError>) {
    let (waiters, dropped) = state.withLock { shared -> ([any BlockWaiter], [Block]) in
      block.state = .done(result)
      let waiters = block.waiters
      block.waiters = []
      guard case .success(let buffer) = result else {
        shared.blocks[block.place] = nil
        return (waiters, [])
      }
      shared.byteCount += buffer.memory
      let dropped = makeRoom(&shared)
      shared.clock.append(block)
      return (waiters, dropped)
    }
    withExtendedLifetime(dropped) { for waiter in waiters { waiter.blockIsDone() } }
  }

  /// Drops blocks that were not used for a while.
  ///
  /// - Returns: them, to be released without the lock.
  private func makeRoom(_ shared: inout Shared) -> [Block] {
    var dropped: [Block] = []
    while shared.byteCount > limit, !shared.clock.isEmpty {
      if shared.hand >= shared.clock.count { shared.hand = 0 }
      let block = shared.clock[shared.hand]
      if block.wasUsed {
        block.wasUsed = false
        shared.hand += 1
        continue
      }
      if case .done(.success(let buffer)) = block.state { shared.byteCount -= buffer.memory }
      shared.blocks[block.place] = nil
      shared.clock.swapAt(shared.hand, shared.clock.count - 1)
      shared.clock.removeLast()
      dropped.append(block)
    }
    return dropped
  }
}

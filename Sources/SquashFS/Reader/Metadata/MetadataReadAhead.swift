import Posix
import SquashFSFormat

/// A thread that unpacks a table from its start, as long as somebody takes the blocks.
final class MetadataReadAhead {
  private let shared: Shared
  private var thread: WorkerThread?

  /// The state both threads share.
  private final class Shared: @unchecked Sendable {
    static let blockDone = 0
    static let roomReady = 1

    let monitor = Monitor(conditions: 2)
    let loader: MetadataLoader
    let limit: Int
    // Guarded by `monitor`.
    var ready: [UInt64: MetadataLoader.Block] = [:]
    /// The start of the block being unpacked.
    var current: UInt64?
    /// Blocks that the other thread unpacked itself, at most `mostTaken`.
    var taken: Set<UInt64> = []
    /// The start of the next block to unpack; the largest number after the last.
    var position: UInt64 = 0
    var isOver = false
    static let mostTaken = 4096

    init(_ loader: MetadataLoader, limit: Int) {
      self.loader = loader
      self.limit = limit
    }

    func run() {
      let size = loader.range.upperBound - loader.range.lowerBound
      var position: UInt64 = 0
      while position < size {
        let isWanted = monitor.withLock { () -> Bool? in
          while ready.count >= limit && !isOver { monitor.wait(on: Self.roomReady) }
          if isOver { return nil }
          current = position
          self.position = position
          return taken.remove(position) == nil
        }
        guard isWanted != nil else { return }
        // Damage ends the read-ahead; the thread that needs the block will find out.
        guard let block = try? loader.load(position) else { break }
        monitor.withLock {
          if isWanted == true { ready[position] = block }
          current = nil
          monitor.broadcast(Self.blockDone)
        }
        position = block.next
      }
      monitor.withLock {
        current = nil
        self.position = .max
        monitor.broadcast(Self.blockDone)
      }
    }
  }

  /// - Parameter limit: the number of blocks that may wait to be taken.
  init(_ loader: MetadataLoader, limit: Int) {
    shared = Shared(loader, limit: limit)
    // Without a thread nothing is read ahead, and everything else works as before.
    thread = try? WorkerThread { [shared] in shared.run() }
  }

  deinit {
    shared.monitor.withLock {
      shared.isOver = true
      shared.monitor.broadcast(Shared.roomReady)
    }
    if let thread = thread.take() { thread.join() }
  }

  /// The block at a position, if it is ready or about to be.
  func take(_ start: UInt64) -> MetadataLoader.Block? {
    shared.monitor.withLock {
      while shared.current == start { shared.monitor.wait(on: Shared.blockDone) }
      guard let block = shared.ready.removeValue(forKey: start) else {
        if start >= shared.position && shared.taken.count < Shared.mostTaken {
          shared.taken.insert(start)
        }
        return nil
      }
      shared.monitor.signal(Shared.roomReady)
      return block
    }
  }
}

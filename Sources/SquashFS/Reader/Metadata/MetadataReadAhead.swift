internal import Posix
internal import SquashFSFormat

/// A thread that unpacks a table from its start, as long as somebody takes what it has.
final class MetadataReadAhead {
  private let shared: Shared
  private var thread: WorkerThread?

  /// What both threads see.
  private final class Shared: @unchecked Sendable {
    static let blockDone = 0
    static let roomReady = 1

    let monitor = Monitor(conditions: 2)
    let loader: MetadataLoader
    let limit: Int
    // Guarded by `monitor`.
    var ready: [UInt64: MetadataLoader.Block] = [:]
    /// Where the block starts that is being unpacked.
    var current: UInt64?
    /// Blocks that the other thread has unpacked itself, no more than `mostTaken`.
    var taken: Set<UInt64> = []
    /// Where the next block to unpack starts; the end of the numbers after the last.
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
        // What is damaged ends this; who wants it will find out.
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
    // Without a thread there is nothing ahead, and all goes on as before.
    thread = try? WorkerThread { [shared] in shared.run() }
  }

  deinit {
    shared.monitor.withLock {
      shared.isOver = true
      shared.monitor.broadcast(Shared.roomReady)
    }
    if let thread = thread.take() { thread.join() }
  }

  /// The block at a position, if it is there or about to be.
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

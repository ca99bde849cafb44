import Synchronization

/// Unpacked metadata blocks that several readers of one image share, so that each block is unpacked
/// and kept once.
package final class MetadataCache: Sendable {
  private let shards: [Shard]

  /// The place of a block: where its table begins in the image, and its own start in the table.
  /// Tables of a hostile image may overlap.
  struct Place: Hashable {
    var table: UInt64
    var start: UInt64
  }

  private final class Shard: Sendable {
    let state: Mutex<ShardState>
    init(limit: Int) { state = Mutex(ShardState(limit: limit)) }
  }

  private struct ShardState {
    let limit: Int
    var blocks: [Place: MetadataLoader.Block] = [:]
    var clock: [(key: Place, block: MetadataLoader.Block)] = []
    var hand = 0
  }

  private static let shardCount = 8

  /// - Parameter byteCount: the most memory to use, in bytes.
  package init(byteCount: Int) {
    let limit = max(1, byteCount / MetadataLoader.Block.memorySize / Self.shardCount)
    shards = (0..<Self.shardCount).map { _ in Shard(limit: limit) }
  }

  private func shard(_ place: Place) -> Shard {
    // Neighbours go to different shards.
    shards[Int((place.start &* 0x9E37_79B9_7F4A_7C15) >> 61) % shards.count]
  }

  func block(at place: Place) -> MetadataLoader.Block? {
    shard(place).state.withLock { state in
      guard let block = state.blocks[place] else { return nil }
      block.wasUsed.store(true, ordering: .relaxed)
      return block
    }
  }

  /// Keeps a block, in place of one that was not used for a while.
  func insert(_ block: MetadataLoader.Block, at place: Place) {
    shard(place).state.withLock { state in
      guard state.blocks.updateValue(block, forKey: place) == nil else {
        if let index = state.clock.firstIndex(where: { $0.key == place }) {
          state.clock[index].block = block
        }
        return
      }
      guard state.clock.count >= state.limit else {
        state.clock.append((place, block))
        return
      }
      while state.clock[state.hand].block.wasUsed.exchange(false, ordering: .relaxed) {
        state.hand = (state.hand + 1) % state.clock.count
      }
      state.blocks[state.clock[state.hand].key] = nil
      state.clock[state.hand] = (place, block)
      state.hand = (state.hand + 1) % state.clock.count
    }
  }
}

import Posix
import SquashFS
import SquashFSFormat
import Synchronization
import Testing

@testable import ImageMount

@Suite struct BlockCacheTests {
  private final class Waiter: BlockWaiter {
    let calls = Atomic(0)
    func blockIsDone() { calls.add(1, ordering: .relaxed) }
  }

  private static let size = 4096
  private let buffers = BufferPool(blockSize: size)

  private func place(_ number: Int) -> BlockPlace {
    BlockPlace(
      start: UInt64(number), stored: StoredBlock(byteCount: Self.size, isCompressed: true))
  }

  private func content(_ byte: UInt8) -> Result<BlockBuffer, ImageReadError> {
    .success(
      buffers.block { area in
        area.copyBytes(from: repeatElement(byte, count: Self.size))
        return Self.size
      })
  }

  private func isUnpack(_ claim: BlockCache.Claim) -> Bool {
    if case .mustUnpack = claim { true } else { false }
  }

  @Test func eightAskersUnpackOnce() throws {
    let cache = BlockCache(byteCount: 1 << 20)
    let unpacked = Atomic(0)
    let waiters = (0..<8).map { _ in Waiter() }
    let place = place(1)
    let results = try concurrentMap(count: 8, threads: 8) { [self] index in
      let (block, claim) = cache.claim(place, for: waiters[index])
      if isUnpack(claim) {
        unpacked.add(1, ordering: .relaxed)
        cache.finish(block, content(7))
        return 0
      }
      if case .ready = claim { return 1 }
      return 0
    }
    #expect(unpacked.load(ordering: .relaxed) == 1)
    // Each either found it ready or was called.
    for (waiter, wasReady) in zip(waiters, results) {
      #expect(waiter.calls.load(ordering: .relaxed) + wasReady == 1)
    }
    let found = try #require(cache.ready([place]))
    #expect(try found[0].content.get().bytes.allSatisfy { $0 == 7 })
  }

  @Test func aFailureReachesWhoWaitsAndNobodyElse() {
    let cache = BlockCache(byteCount: 1 << 20)
    let (first, second, third) = (Waiter(), Waiter(), Waiter())
    let (block, claim) = cache.claim(place(1), for: first)
    #expect(isUnpack(claim))
    let (same, wait) = cache.claim(place(1), for: second)
    guard case .mustWait = wait else { return #expect(Bool(false), "\(wait)") }
    cache.finish(block, .failure(ImageReadError(.damaged, "damaged")))
    #expect(second.calls.load(ordering: .relaxed) == 1)
    #expect(throws: ImageReadError.self) { try same.content.get() }
    #expect(cache.ready([place(1)]) == nil)
    #expect(isUnpack(cache.claim(place(1), for: third).1))
  }

  @Test func memoryIsBounded() {
    let cache = BlockCache(byteCount: 10 * Self.size)
    let waiter = Waiter()
    for number in 0..<100 {
      let (block, _) = cache.claim(place(number), for: waiter)
      cache.finish(block, content(UInt8(number)))
      #expect(cache.byteCount <= 11 * Self.size)
    }
    #expect(cache.ready([place(99)]) != nil)
    #expect(cache.ready([place(0)]) == nil)
  }

  @Test func smallBlocksTakeLittle() {
    let block = buffers.block { area in
      area.copyBytes(from: [1, 2, 3] as [UInt8])
      return 3
    }
    #expect(block.memory == 3)
    #expect(Array(block.bytes) == [1, 2, 3])
  }

  @Test func whatIsReadAheadIsUnpackedByWhoeverComesFirst() throws {
    let cache = BlockCache(byteCount: 1 << 20)
    let block = try #require(cache.reserve(place(1)))
    #expect(cache.reserve(place(1)) == nil)
    #expect(isUnpack(cache.claim(place(1), for: Waiter()).1))
    #expect(!cache.begin(block))
  }
}

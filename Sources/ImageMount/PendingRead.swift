import CFuse
import Glibc
import SquashFS
import Synchronization

/// A read that waits for blocks. Whichever thread unpacks the last one answers; if the caller is
/// interrupted first, the answer is `EINTR`.
final class PendingRead: BlockWaiter, @unchecked Sendable {
  private let request: Request
  private let answer: ReadAnswer
  /// Those of the answer; complete before anything is sent.
  private var blocks: [BlockCache.Block] = []
  private let onFailure: @Sendable (ImageReadError) -> Void
  /// The number of blocks to wait for, and one for the setting up.
  private let missing: Atomic<Int>
  private let state = Atomic(PendingRead.registering)

  private static let registering: UInt8 = 0
  private static let interruptedEarly: UInt8 = 1
  private static let waiting: UInt8 = 2
  private static let answered: UInt8 = 3

  init(
    _ request: Request, _ answer: ReadAnswer,
    onFailure: @escaping @Sendable (ImageReadError) -> Void
  ) {
    self.request = request
    self.answer = answer
    missing = Atomic(answer.places.count + 1)
    self.onFailure = onFailure
  }

  /// Listens for interruptions.
  ///
  /// - Returns: whether to go on; otherwise the request is answered.
  func begin() -> Bool {
    cfuse_when_interrupted(
      request.pointer, { _, data in PendingRead.interrupted(data!) },
      Unmanaged.passRetained(self).toOpaque())
    let known = state.compareExchange(
      expected: Self.registering, desired: Self.waiting, ordering: .sequentiallyConsistent)
    if known.exchanged { return true }
    reply { request.fail(EINTR) }
    return false
  }

  /// Finds the blocks; once.
  ///
  /// - Returns: those that the caller has to unpack. The request may be answered already.
  func claimBlocks(_ cache: BlockCache) -> [BlockCache.Block] {
    var own: [BlockCache.Block] = []
    for place in answer.places {
      let (block, claim) = cache.claim(place, for: self)
      blocks.append(block)
      switch claim {
      case .ready: blockIsDone()
      case .mustUnpack: own.append(block)
      case .mustWait: break
      }
    }
    blockIsDone()
    return own
  }

  func blockIsDone() {
    guard missing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
    let known = state.compareExchange(
      expected: Self.waiting, desired: Self.answered, ordering: .sequentiallyConsistent)
    guard known.exchanged else { return }
    reply {
      do throws(ImageReadError) { try answer.send(blocks, to: request) } catch {
        onFailure(error)
        request.fail(EIO)
      }
    }
  }

  /// Answers for good.
  private func reply(_ body: () -> Void) {
    // After this, no interruption is under way.
    cfuse_when_interrupted(request.pointer, nil, nil)
    body()
    Unmanaged.passUnretained(self).release()
  }

  private static func interrupted(_ data: UnsafeMutableRawPointer) {
    let read = Unmanaged<PendingRead>.fromOpaque(data)
    read._withUnsafeGuaranteedRef { read in
      // While it registers, libfuse still uses the request: it is answered there.
      let early = read.state.compareExchange(
        expected: Self.registering, desired: Self.interruptedEarly,
        ordering: .sequentiallyConsistent)
      if early.exchanged { return }
      let waiting = read.state.compareExchange(
        expected: Self.waiting, desired: Self.answered, ordering: .sequentiallyConsistent)
      guard waiting.exchanged else { return }
      read.request.fail(EINTR)
      Unmanaged.passUnretained(read).release()
    }
  }
}

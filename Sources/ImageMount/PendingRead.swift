import Glibc
import SquashFS
import Synchronization

/// A read that waits for blocks. Whichever thread unpacks the last one answers; if the caller is
/// interrupted first, the answer is `EINTR`.
final class PendingRead: BlockWaiter, @unchecked Sendable {
  private let asker: InterruptibleRequest
  private let answer: ReadAnswer
  /// Those of the answer; complete before anything is sent.
  private var blocks: [BlockCache.Block] = []
  private let onFailure: @Sendable (ImageReadError) -> Void
  /// The number of blocks to wait for, and one for the setting up.
  private let missing: Atomic<Int>

  init(
    _ request: Request, _ answer: ReadAnswer,
    onFailure: @escaping @Sendable (ImageReadError) -> Void
  ) {
    asker = InterruptibleRequest(request)
    self.answer = answer
    missing = Atomic(answer.places.count + 1)
    self.onFailure = onFailure
  }

  /// Listens for interruptions.
  ///
  /// - Returns: whether to go on; otherwise the request is answered.
  func begin() -> Bool { asker.begin() }

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
    guard asker.end() else { return }
    do throws(ImageReadError) { try answer.send(blocks, to: asker.request) } catch {
      onFailure(error)
      asker.request.fail(EIO)
    }
  }
}

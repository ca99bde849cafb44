import CFuse
import Glibc
import Posix
import Synchronization

/// A request that listens for the interruption of the program that waits for it. As long as nobody
/// works on it, an interruption answers with `EINTR`.
final class InterruptibleRequest: @unchecked Sendable {
  let request: Request
  private let state = Atomic(InterruptibleRequest.registering)
  /// What an interruption of the work ends; there before the state says so.
  private var cancellation: Cancellation?

  private static let registering: UInt8 = 0
  private static let interruptedEarly: UInt8 = 1
  private static let waiting: UInt8 = 2
  private static let inWork: UInt8 = 3
  private static let answered: UInt8 = 4

  init(_ request: Request) { self.request = request }

  /// Whether it is answered, or about to be.
  var isAnswered: Bool { state.load(ordering: .acquiring) == Self.answered }

  /// Listens from now on.
  ///
  /// - Returns: whether to go on; otherwise the request is answered.
  func begin() -> Bool {
    cfuse_when_interrupted(
      request.pointer, { _, data in InterruptibleRequest.interrupted(data!) },
      Unmanaged.passRetained(self).toOpaque())
    if change(Self.registering, to: Self.waiting) { return true }
    state.store(Self.answered, ordering: .releasing)
    stopListening()
    request.fail(EINTR)
    return false
  }

  /// Has interruptions end the work, which answers then.
  ///
  /// - Returns: whether to work; otherwise the request is answered.
  func work(until cancellation: Cancellation) -> Bool {
    self.cancellation = cancellation
    return change(Self.waiting, to: Self.inWork)
  }

  /// Listens no longer.
  ///
  /// - Returns: whether to answer; otherwise the request is answered.
  func end() -> Bool {
    guard change(Self.waiting, to: Self.answered) || change(Self.inWork, to: Self.answered) else {
      return false
    }
    stopListening()
    return true
  }

  private func change(_ before: UInt8, to after: UInt8) -> Bool {
    state.compareExchange(expected: before, desired: after, ordering: .sequentiallyConsistent)
      .exchanged
  }

  private func stopListening() {
    // After this, no interruption is under way.
    cfuse_when_interrupted(request.pointer, nil, nil)
    Unmanaged.passUnretained(self).release()
  }

  private static func interrupted(_ data: UnsafeMutableRawPointer) {
    let own = Unmanaged<InterruptibleRequest>.fromOpaque(data)
    own._withUnsafeGuaranteedRef { own in
      // While it registers, libfuse still uses the request: it is answered there.
      if own.change(registering, to: interruptedEarly) { return }
      if own.change(waiting, to: answered) {
        own.request.fail(EINTR)
        Unmanaged.passUnretained(own).release()
      } else if own.state.load(ordering: .acquiring) == inWork {
        own.cancellation?.request()
      }
    }
  }
}

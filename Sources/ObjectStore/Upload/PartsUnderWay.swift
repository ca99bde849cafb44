import Posix

/// What has become of the parts of an upload so far; for any thread.
final class PartsUnderWay: @unchecked Sendable {
  private let most: Int
  private let monitor = Monitor(conditions: 1)
  // Guarded by `monitor`.
  private var count = 0
  private var sent: [Int: PartSender.Sent] = [:]
  private var failure: StoreError?
  private var hasGivenUp = false

  /// - Parameter most: how many may be on their way at once.
  init(most: Int) { self.most = max(1, most) }

  /// Waits until another part may be sent.
  ///
  /// - Throws: the first failure.
  func reserve() throws(StoreError) {
    try monitor.withLock { () throws(StoreError) in
      while count >= most, failure == nil { monitor.wait(on: 0) }
      if let failure { throw failure }
      count += 1
    }
  }

  func ended(_ number: Int, _ result: Result<PartSender.Sent, StoreError>) {
    monitor.withLock {
      count -= 1
      switch result {
      case .success(let part): sent[number] = part
      case .failure(let error): failure = failure ?? error
      }
      monitor.broadcast(0)
    }
  }

  /// The parts, by their numbers.
  ///
  /// - Throws: the first failure.
  func whenAllArrived() throws(StoreError) -> [Int: PartSender.Sent] {
    try monitor.withLock { () throws(StoreError) in
      while count > 0, failure == nil { monitor.wait(on: 0) }
      if let failure { throw failure }
      return sent
    }
  }

  func giveUp() { monitor.withLock { hasGivenUp = true } }

  var isGivenUp: Bool { monitor.withLock { hasGivenUp || failure != nil } }
}

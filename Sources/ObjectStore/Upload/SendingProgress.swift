import Synchronization

/// How much of one body has gone out.
final class SendingProgress: Sendable {
  private let position = Atomic(0)
  private let beginning = Atomic(false)
  private let length: Int
  private let report: @Sendable (Int) -> Void

  /// - Parameter report: called with what has gone out since the last time.
  init(of length: Int, _ report: @escaping @Sendable (Int) -> Void) {
    self.length = length
    self.report = report
  }

  /// Whether the server may have all of it, so that only its answer tells what became of it.
  var isWhole: Bool { position.load(ordering: .relaxed) >= length }

  /// Whether the server may have some of it, from this try or an earlier one.
  var hasBegun: Bool { beginning.load(ordering: .relaxed) }

  func reached(_ position: Int) {
    if position > 0 { beginning.store(true, ordering: .relaxed) }
    let before = self.position.exchange(position, ordering: .relaxed)
    if position != before { report(position - before) }
  }
}

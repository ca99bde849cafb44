import Synchronization

/// Tells work on another thread that nobody wants its result any longer.
public final class Cancellation: Sendable {
  private let flag = Atomic(false)

  public init() {}

  public var isRequested: Bool { flag.load(ordering: .relaxed) }

  public func request() { flag.store(true, ordering: .relaxed) }

  /// Makes it ready for other work.
  public func reset() { flag.store(false, ordering: .relaxed) }
}

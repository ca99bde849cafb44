import Posix
import Synchronization

/// Tells people that an answer is late: the server's name, and the seconds from the first try after
/// which no other is made.
package typealias WaitReport = @Sendable (_ host: String, _ seconds: Int) -> Void

/// Sends requests as often as a `RetryPolicy` allows; any number of threads may at the same time.
package final class RetryingClient: Sendable {
  private let client: any HTTPClient
  private let policy: RetryPolicy
  /// Whether the program is being stopped.
  package let isStopped: @Sendable () -> Bool
  private let tellWait: WaitReport
  private let hasTold = Atomic(false)
  /// The requests whose answers are coming. While there are some, others may only wait for their turn.
  private let flowing = Atomic(0)
  /// The servers that have answered.
  private let known = Mutex<Set<String>>([])

  /// - Parameters:
  ///   - isStopped: whether the program is being stopped; asked ten times a second, unless the
  ///     request has a question of its own.
  ///   - tellWait: called once, on a caller's thread, with the first request that takes long.
  package init(
    _ client: any HTTPClient, policy: RetryPolicy = RetryPolicy(),
    isStopped: @escaping @Sendable () -> Bool = { Interruption.isRequested },
    tellWait: @escaping WaitReport = { _, _ in }
  ) {
    self.client = client
    self.policy = policy
    self.isStopped = isStopped
    self.tellWait = tellWait
  }

  /// Sends a request until it gets an answer that another try would not change, or the time is over.
  ///
  /// - Parameters:
  ///   - failure: the caller's error for one of the transport.
  ///   - build: makes the request anew for each try, since signatures have dates.
  /// - Returns: the last answer, which may still be one like 503.
  package func send<Failure: Error>(
    failure: (HTTPError) -> Failure, _ build: () throws(Failure) -> HTTPRequest
  ) throws(Failure) -> HTTPAnswer {
    let mailbox = Mailbox()
    var handles: [Int: HTTPCancellation] = [:]
    var begun: Set<Int> = []
    defer {
      for handle in handles.values { handle.cancel() }
      flowing.subtract(begun.count, ordering: .relaxed)
    }
    var run = RetryRun(policy: policy, now: Self.now)
    var server: URLParts?
    var isStopped = isStopped
    while true {
      switch run.next(now: Self.now) {
      case .send(let number):
        var request = try build()
        isStopped = request.isStopped ?? isStopped
        server = try? URLParts(request.url)
        run.didSend(
          request.method, isKnown: known.withLock { $0.contains(server?.authority ?? "") })
        request.began = { mailbox.post(.began(number)) }
        handles[number] = client.start(request) { mailbox.post(.ended(number, $0)) }
      case .cancel(let number): handles.removeValue(forKey: number)?.cancel()
      case .wait(let time):
        for event in mailbox.take(waitingAtMost: min(100, time.map { $0 - Self.now } ?? 100)) {
          switch event {
          case .began(let number):
            run.began(number)
            begun.insert(number)
            flowing.add(1, ordering: .relaxed)
          case .ended(let number, let outcome):
            handles[number] = nil
            if begun.remove(number) != nil { flowing.subtract(1, ordering: .relaxed) }
            if case .success = outcome, let server {
              known.withLock { _ = $0.insert(server.authority) }
            }
            run.ended(number, outcome, now: Self.now, jitter: Double.random(in: 0...1))
          }
        }
        if isStopped() { run.stop() }
        if run.isLate(now: Self.now), flowing.load(ordering: .relaxed) == 0,
          !hasTold.exchange(true, ordering: .relaxed)
        {
          tellWait(server?.host ?? "", policy.total / 1_000)
        }
      case .finish:
        switch run.result! {
        case .success(let answer): return answer
        case .failure(let error): throw failure(error)
        }
      }
    }
  }

  /// Sends a request that needs no signature.
  package func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
    func build() throws(HTTPError) -> HTTPRequest { request }
    return try send(failure: { $0 }, build)
  }

  private static var now: Int { Int(Process.now * 1_000) }
}

/// What the client's thread reports.
private final class Mailbox: @unchecked Sendable {
  enum Event {
    case began(Int)
    case ended(Int, Result<HTTPAnswer, HTTPError>)
  }

  private let monitor = Monitor(conditions: 1)
  // Guarded by `monitor`.
  private var events: [Event] = []

  func post(_ event: Event) {
    monitor.withLock {
      events.append(event)
      monitor.signal(0)
    }
  }

  func take(waitingAtMost milliseconds: Int) -> [Event] {
    monitor.withLock {
      // A wake-up without an event only makes the caller ask again.
      if events.isEmpty { monitor.wait(on: 0, atMost: milliseconds) }
      defer { events = [] }
      return events
    }
  }
}

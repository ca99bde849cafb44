import Synchronization

/// What a client has sent and received.
package final class TransferCount: Sendable {
  private let state = Mutex((requests: 0, bytes: UInt64(0)))

  package init() {}

  /// The requests that were sent, each repetition included.
  package var requests: Int { state.withLock { $0.requests } }
  /// The bytes in the bodies of the answers.
  package var bytes: UInt64 { state.withLock { $0.bytes } }

  fileprivate func sent() { state.withLock { $0.requests += 1 } }
  fileprivate func received(_ count: Int) { state.withLock { $0.bytes += UInt64(count) } }
}

/// Counts what another client sends and receives.
package final class CountingClient: HTTPClient {
  private let client: any HTTPClient
  private let count: TransferCount

  package init(_ client: any HTTPClient, _ count: TransferCount) {
    self.client = client
    self.count = count
  }

  package func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
    count.sent()
    let answer = try client.send(request)
    count.received(answer.body.count)
    return answer
  }

  @discardableResult
  package func start(
    _ request: HTTPRequest, done: @escaping @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
  ) -> HTTPCancellation {
    count.sent()
    return client.start(request) { [count] result in
      if case .success(let answer) = result { count.received(answer.body.count) }
      done(result)
    }
  }
}

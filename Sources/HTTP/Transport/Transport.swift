import CCurl
import Posix

/// Sends requests by libcurl, on one thread that starts with the first.
///
/// Connections are kept and used again, at most eight for each server; further requests wait.
/// Proxies are those of the environment (http_proxy, https_proxy, all_proxy, no_proxy, in small or
/// capital letters).
package final class Transport: HTTPClient {
  private let queue: RequestQueue

  package init(_ options: TransportOptions = TransportOptions()) {
    queue = RequestQueue(options)
  }

  deinit { queue.close() }

  package func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer {
    let outcome = Outcome()
    start(request) { outcome.set($0) }
    return try outcome.wait().get()
  }

  /// If the request cannot even start, `done` is called on the caller's thread.
  @discardableResult
  package func start(
    _ request: HTTPRequest, done: @escaping @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
  ) -> HTTPCancellation {
    do throws(HTTPError) {
      let number = try queue.add(request, done)
      return HTTPCancellation { [queue] in queue.cancel(number) }
    } catch {
      done(.failure(error))
      return HTTPCancellation {}
    }
  }
}

/// What the thread of `send` waits for.
private final class Outcome: @unchecked Sendable {
  private let monitor = Monitor(conditions: 1)
  // Guarded by `monitor`.
  private var result: Result<HTTPAnswer, HTTPError>?

  func set(_ result: Result<HTTPAnswer, HTTPError>) {
    monitor.withLock {
      self.result = result
      monitor.signal(0)
    }
  }

  func wait() -> Result<HTTPAnswer, HTTPError> {
    monitor.withLock {
      while true {
        if let result { return result }
        monitor.wait(on: 0)
      }
    }
  }
}

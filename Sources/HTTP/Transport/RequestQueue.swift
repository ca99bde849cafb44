import CCurl
import Posix
import Synchronization

/// A request on its way to the network thread.
struct Order: Sendable {
  let number: Int
  let request: HTTPRequest
  let done: @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
}

/// What other threads want of the network thread.
final class RequestQueue: Sendable {
  private struct State {
    var orders: [Order] = []
    var cancelled: [Int] = []
    var count = 0
    var isClosed = false
    /// libcurl's handle, once the thread runs; it may be freed only after `isClosed` is set.
    var multi: UnsafeMutableRawPointer?
  }

  private let state = Mutex(State())
  private let options: TransportOptions

  init(_ options: TransportOptions) { self.options = options }

  /// Adds a request; the first one starts the thread.
  ///
  /// - Returns: its number.
  func add(
    _ request: HTTPRequest, _ done: @escaping @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
  ) throws(HTTPError) -> Int {
    try state.withLock { state throws(HTTPError) in
      if state.multi == nil { state.multi = try startThread() }
      state.count += 1
      state.orders.append(Order(number: state.count, request: request, done: done))
      curl_multi_wakeup(state.multi)
      return state.count
    }
  }

  private func startThread() throws(HTTPError) -> UnsafeMutableRawPointer {
    try Libcurl.load()
    guard let multi = curl_multi_init() else {
      throw HTTPError(.impossible, "there is not enough memory for libcurl")
    }
    let address = UInt(bitPattern: multi)
    do throws(SystemError) {
      // Not joined: the last reference to the transport may go away on this very thread.
      try WorkerThread { [self, options] in
        let multi = UnsafeMutableRawPointer(bitPattern: address)!
        NetworkThread(multi: multi, queue: self, options: options).run()
      }.detach()
    } catch {
      curl_multi_cleanup(multi)
      throw HTTPError(.impossible, "the network thread cannot start: \(error.reason)")
    }
    return multi
  }

  func cancel(_ number: Int) {
    state.withLock { state in
      if state.isClosed { return }
      state.cancelled.append(number)
      curl_multi_wakeup(state.multi)
    }
  }

  func close() {
    state.withLock { state in
      state.isClosed = true
      if state.multi != nil { curl_multi_wakeup(state.multi) }
    }
  }

  /// Takes what has come since the last time.
  func take() -> (orders: [Order], cancelled: [Int], isClosed: Bool) {
    state.withLock { state in
      defer {
        state.orders = []
        state.cancelled = []
      }
      return (state.orders, state.cancelled, state.isClosed)
    }
  }
}

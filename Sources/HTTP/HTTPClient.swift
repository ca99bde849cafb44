/// Sends requests; any number of threads may at the same time.
package protocol HTTPClient: AnyObject, Sendable {
  /// Sends a request, once, and waits for the whole answer. It follows no redirect.
  func send(_ request: HTTPRequest) throws(HTTPError) -> HTTPAnswer

  /// Starts to send a request.
  ///
  /// - Parameter done: called once, on the client's own thread; it must not block.
  /// - Returns: a way to stop it. After that `done` gets `cancelled`.
  @discardableResult
  func start(
    _ request: HTTPRequest, done: @escaping @Sendable (Result<HTTPAnswer, HTTPError>) -> Void
  ) -> HTTPCancellation
}

/// Stops a request; harmless after its end.
package struct HTTPCancellation: Sendable {
  package let cancel: @Sendable () -> Void

  package init(_ cancel: @escaping @Sendable () -> Void) { self.cancel = cancel }
}

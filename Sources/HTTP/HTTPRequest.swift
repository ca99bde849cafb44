/// A request to a web server.
package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case put = "PUT"
    case post = "POST"
    case delete = "DELETE"
  }

  package var method: Method
  /// The whole URL, with everything percent-encoded as it is to be sent.
  package var url: String
  package var headers: [HTTPHeader]
  package var body: HTTPBody
  /// A longer body of the answer is an error, found before more is kept.
  package var mostBytes: Int
  package var timeouts: HTTPTimeouts
  /// Whether it may go through a proxy that the environment names.
  package var mayUseProxy = true
  /// Called once the answer's first byte has come, on the client's own thread; it must not block.
  package var began: (@Sendable () -> Void)?
  /// Called with how much of the body has been handed to the network, on the client's own thread; it
  /// must not block. The number falls when sending begins again.
  package var sending: (@Sendable (Int) -> Void)?
  /// Whether it is no longer wanted; asked ten times a second, on any thread. `nil` to ask whether the
  /// program is being stopped.
  package var isStopped: (@Sendable () -> Bool)?

  /// - Parameter mostBytes: the limit of the answer's body.
  package init(
    _ method: Method = .get, url: String, headers: [HTTPHeader] = [], body: HTTPBody = HTTPBody(),
    mostBytes: Int = 1 << 20, timeouts: HTTPTimeouts = HTTPTimeouts()
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.mostBytes = mostBytes
    self.timeouts = timeouts
  }
}

/// A header of a request or an answer.
package struct HTTPHeader: Equatable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// How long to wait for a server, in milliseconds.
package struct HTTPTimeouts: Sendable {
  package var connect = 5_000
  /// From sending the request to the answer's first byte.
  package var firstByte = 10_000
  /// Slower than 1 KiB/s for so long means dead.
  package var stall = 10_000

  package init() {}
}

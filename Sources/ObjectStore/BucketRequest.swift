import HTTP

/// A request to a bucket, before it has a URL and a signature.
struct BucketRequest: Sendable {
  var method = HTTPRequest.Method.get
  var bucket: String
  /// Empty for the bucket itself.
  var key: [UInt8]
  var query: [(name: String, value: String)]
  var headers: [HTTPHeader]
  var body = HTTPBody()
  /// The limit of the answer's body.
  var mostBytes: Int
  var timeouts = HTTPTimeouts()
  /// See `HTTPRequest`.
  var sending: (@Sendable (Int) -> Void)?
  var isStopped: (@Sendable () -> Bool)?

  init(
    _ bucket: String, _ key: [UInt8], query: [(name: String, value: String)] = [],
    headers: [HTTPHeader] = [], mostBytes: Int = XMLScanner.mostBytes
  ) {
    self.bucket = bucket
    self.key = key
    self.query = query
    self.headers = headers
    self.mostBytes = mostBytes
  }
}

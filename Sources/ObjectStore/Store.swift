package import HTTP
import Posix
import Synchronization

/// A way to objects: in the buckets of one store, or on the web.
package final class Store: Sendable {
  private let client: RetryingClient
  private let signer: any RequestSigner
  private let commonHeaders: [HTTPHeader]
  private let choose: @Sendable () throws(StoreError) -> Place
  /// Where buckets are, once it is known.
  private let place = Mutex<Place?>(nil)
  /// How many callers want their requests to be sent although the program is being stopped.
  private let unstoppable = Atomic(0)
  /// Whether it is known, or being found out, how it treats conditions of uploads.
  private let isProbed = Atomic(false)
  /// Where a web server has redirected a URL to.
  private let places = Mutex<[String: String]>([:])

  /// Where a store has its buckets.
  package struct Place: Sendable {
    /// To sign for. A store corrects a wrong one.
    package var region: String
    /// The URL of a store other than AWS's.
    package var endpoint: String?
    /// What gave the region, for people.
    package var regionSource = ""

    package init(region: String, endpoint: String? = nil, regionSource: String = "") {
      self.region = region
      self.endpoint = endpoint
      self.regionSource = regionSource
    }
  }

  /// - Parameters:
  ///   - headers: to send with each request to a bucket.
  ///   - place: called with the first request to a bucket; it may ask services.
  package init(
    _ client: RetryingClient, signer: any RequestSigner, headers: [HTTPHeader] = [],
    place: @escaping @Sendable () throws(StoreError) -> Place
  ) {
    self.client = client
    self.signer = signer
    commonHeaders = headers
    choose = place
  }

  /// Gets an object, or a part of it, whatever the status of the answer.
  ///
  /// - Parameter mostBytes: the limit of the body.
  /// - Throws: `StoreError` if there is no answer, or no credentials.
  func get(
    _ location: ObjectLocation, query: [(name: String, value: String)] = [],
    headers: [HTTPHeader] = [], mostBytes: Int
  ) throws(StoreError) -> HTTPAnswer {
    switch location {
    case .bucket(let bucket, let key):
      try send(
        BucketRequest(bucket, key, query: query, headers: headers, mostBytes: mostBytes))
    case .web(let url): try get(url, headers, mostBytes: mostBytes)
    }
  }

  // MARK: Buckets

  /// Whether the program is being stopped.
  var isStopped: Bool { client.isStopped() }

  /// Calls `body`, whose requests are sent even while the program is being stopped.
  package func withoutStop<R, Failure: Error>(
    _ body: () throws(Failure) -> R
  ) throws(Failure) -> R {
    unstoppable.add(1, ordering: .relaxed)
    defer { unstoppable.subtract(1, ordering: .relaxed) }
    return try body()
  }

  /// Sends a request to a bucket, and repeats it with the right region, time or credentials if those
  /// were wrong.
  ///
  /// - Returns: the answer, whatever its status.
  /// - Throws: `StoreError` if there is no answer, or no credentials.
  func send(_ wanted: BucketRequest) throws(StoreError) -> HTTPAnswer {
    var isCorrected = false
    var isRefreshed = false
    var isTimed = false
    while true {
      let place = try known()
      let region = place.region
      let url = BucketURL(
        wanted.bucket, key: wanted.key, query: wanted.query, region: region,
        endpoint: place.endpoint)
      var request = HTTPRequest(
        wanted.method, url: url.text, headers: wanted.headers + commonHeaders, body: wanted.body,
        mostBytes: max(wanted.mostBytes, 64 << 10), timeouts: wanted.timeouts)
      request.sending = wanted.sending
      request.isStopped = wanted.isStopped
      if wanted.isStopped == nil, unstoppable.load(ordering: .relaxed) > 0 {
        request.isStopped = { false }
      }
      let answer = try send { () throws(StoreError) in
        try signer.sign(request, region: region)
      }
      guard answer.status >= 300, answer.status != 304 else { return answer }
      let fault = StoreFault(answer)
      if !isCorrected, [301, 307, 400, 403].contains(answer.status), let right = fault.region,
        right != region, BucketURL.isRegion(right)
      {
        isCorrected = true
        self.place.withLock {
          $0?.region = right
          $0?.regionSource = "the store's answer"
        }
        continue
      }
      if !isTimed, signer.correctClock(by: answer) {
        isTimed = true
        continue
      }
      let isOld = ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"].contains(fault.code)
      if !isRefreshed, answer.status == 403 || isOld, signer.refresh() {
        isRefreshed = true
        continue
      }
      return answer
    }
  }

  /// Whether it is not known how the store treats the conditions of uploads; `true` once. AWS's own
  /// keeps to them.
  func isToProbe() -> Bool {
    guard let place = try? known(), place.endpoint != nil else { return false }
    return !isProbed.exchange(true, ordering: .relaxed)
  }

  /// What tells the place of an object from another with the same name; a corrected region changes
  /// nothing.
  ///
  /// - Throws: `StoreError` if the store cannot be known.
  func origin(of location: ObjectLocation) throws(StoreError) -> String {
    guard case .bucket = location else { return "" }
    let place = try known()
    return place.endpoint ?? BucketURL.domain(of: place.region)
  }

  /// Where the credentials come from, for people; `nil` if requests are not signed.
  ///
  /// - Throws: `StoreError` with the code `credentials` if there are none.
  package func credentialsOrigin() throws(StoreError) -> String? { try signer.origin() }

  /// Has another process find new credentials from now on.
  ///
  /// - Parameter ask: asks `DelegatedCredentials.find` of the other process.
  package func delegateCredentials(to ask: @escaping @Sendable () -> [UInt8]?) {
    signer.delegate(to: ask)
  }

  /// Where buckets are, as far as it is known by now.
  ///
  /// - Throws: `StoreError` if a setting cannot be.
  package func currentPlace() throws(StoreError) -> Place { try known() }

  /// The URL of a store other than AWS's, as far as it is known by now.
  package var endpoint: String? { (try? known())?.endpoint }

  /// The server of a bucket, as `https://HOST`.
  ///
  /// - Throws: `StoreError` if a setting cannot be.
  package func server(of bucket: String) throws(StoreError) -> String {
    let place = try known()
    let url = BucketURL(
      bucket, key: [], query: [], region: place.region, endpoint: place.endpoint)
    guard let parts = try? URLParts(url.text) else { return url.text }
    return "\(parts.scheme.rawValue)://\(parts.authority)"
  }

  private func known() throws(StoreError) -> Place {
    if let place = place.withLock({ $0 }) { return place }
    let chosen = try choose()
    return place.withLock { place in
      // Another thread may have been quicker, and corrected it since.
      let result = place ?? chosen
      place = result
      return result
    }
  }

  // MARK: The web

  private func get(
    _ url: String, _ headers: [HTTPHeader], mostBytes: Int
  ) throws(StoreError) -> HTTPAnswer {
    let known = places.withLock { $0[url] }
    var request = HTTPRequest(
      url: known ?? url, headers: headers, mostBytes: max(mostBytes, 64 << 10))
    var redirects = Redirects()
    while true {
      let next = request
      let answer = try send { next }
      do throws(HTTPError) {
        if let further = try redirects.next(after: next, answer) {
          request = further
          continue
        }
      } catch { throw StoreError(error) }
      if request.url != url {
        if [401, 403, 404, 410].contains(answer.status), known != nil {
          // The place was only lent; ask anew.
          let isFirst = places.withLock { $0.removeValue(forKey: url) != nil }
          if isFirst { return try get(url, headers, mostBytes: mostBytes) }
        } else {
          places.withLock { $0[url] = request.url }
        }
      }
      return answer
    }
  }

  private func send(
    _ build: () throws(StoreError) -> HTTPRequest
  ) throws(StoreError) -> HTTPAnswer {
    try client.send(failure: StoreError.init, build)
  }
}

extension StoreError {
  init(_ error: HTTPError) {
    switch error.code {
    case .notTrusted: self.init(.notTrusted, error.message)
    case .unreachable, .refused, .unknownHost, .cancelled: self.init(.unreachable, error.message)
    case .badAnswer: self.init(.badAnswer, error.message)
    case .impossible: self.init(.invalid, error.message)
    }
  }
}

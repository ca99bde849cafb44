package import HTTP
import Posix

extension Store {
  /// The store that options, the environment and the configuration files name.
  ///
  /// - Parameters:
  ///   - count: counts the requests that are sent to buckets.
  ///   - tellWait: called once, with the first request that takes long.
  package convenience init(
    _ options: StoreOptions, environment: StoreEnvironment = .current(),
    policy: RetryPolicy = RetryPolicy(), count: TransferCount? = nil,
    tellWait: @escaping WaitReport = { _, _ in }
  ) {
    let client = Transport(TransportOptions(caBundle: options.caBundle))
    let chain =
      options.signs
      ? CredentialsChain(
        client: client, environment: environment, profile: options.profile, region: options.region)
      : nil
    let counted: any HTTPClient = count.map { CountingClient(client, $0) } ?? client
    let retrying = RetryingClient(counted, policy: policy, tellWait: tellWait)
    let headers = options.paysRequests ? [HTTPHeader("x-amz-request-payer", "requester")] : []
    self.init(retrying, signer: chain ?? Unsigned(), headers: headers) { () throws(StoreError) in
      let region = try RegionChoice.region(
        option: options.region, profile: options.profile, environment, credentials: chain)
      let endpoint = try EndpointChoice.endpoint(
        option: options.endpoint, profile: options.profile, environment)
      return Place(
        region: region.value, endpoint: endpoint?.value, regionSource: region.source)
    }
  }

  /// The first bytes of an object.
  ///
  /// - Throws: `StoreError` if they cannot be had.
  package func start(of location: ObjectLocation, count: Int) throws(StoreError) -> [UInt8] {
    try lengthAndStart(of: location, count: count).start
  }

  /// The length of an object, and its first bytes.
  ///
  /// - Throws: `StoreError` if they cannot be had.
  package func lengthAndStart(
    of location: ObjectLocation, count: Int
  ) throws(StoreError) -> (length: UInt64, start: [UInt8]) {
    let answer = try get(
      location, headers: [HTTPHeader("Range", "bytes=0-\(count - 1)")], mostBytes: count)
    // Some servers forget the status, but say what they sent.
    guard answer.status == 206 || answer.status == 200,
      let range = answer.header("Content-Range").flatMap(ContentRange.init),
      range.range == 0..<UInt64(answer.body.count), answer.body.count <= count
    else {
      // There is no range in an empty object.
      if answer.status == 416 { return (0, []) }
      throw StoreFault(answer).error(about: location)
    }
    return (range.total, answer.body)
  }
}

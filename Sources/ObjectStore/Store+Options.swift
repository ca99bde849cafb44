import HTTP
import Posix

extension Store {
  /// The store that options, the environment and the configuration files name.
  package convenience init(
    _ options: StoreOptions, environment: StoreEnvironment = .current()
  ) {
    let client = Transport(TransportOptions(caBundle: options.caBundle))
    let chain =
      options.signs
      ? CredentialsChain(
        client: client, environment: environment, profile: options.profile, region: options.region)
      : nil
    self.init(RetryingClient(client), signer: chain ?? Unsigned()) { () throws(StoreError) in
      Place(
        region: try RegionChoice.region(
          option: options.region, profile: options.profile, environment, credentials: chain),
        endpoint: try EndpointChoice.endpoint(
          option: options.endpoint, profile: options.profile, environment))
    }
  }

  /// The first bytes of an object.
  ///
  /// - Throws: `StoreError` if they cannot be had.
  package func start(of location: ObjectLocation, count: Int) throws(StoreError) -> [UInt8] {
    let answer = try get(
      location, headers: [HTTPHeader("Range", "bytes=0-\(count - 1)")], mostBytes: count)
    guard answer.status == 206, answer.body.count <= count else {
      throw StoreFault(answer).error(about: location)
    }
    return answer.body
  }
}

package import HTTP
import Posix

/// Signs with the credentials of the first place that has some, and renews them in time.
///
/// One thread asks for new ones; the others go on with those that are still valid, or wait.
package final class CredentialsChain: RequestSigner, @unchecked Sendable {
  private struct Kept {
    var credentials: Credentials
    var provider: any CredentialsProvider
    /// When they were asked for, in seconds since 1970.
    var time: Int
  }

  /// Credentials are renewed so many seconds before their end.
  private static let margin = 300
  /// After that many seconds a renewal is tried again, if it brought nothing better.
  private static let pause = 30
  /// What a server refused is older than that many seconds, or another thread has renewed it.
  private static let newest = 5

  private let clock: ServiceClock
  private let monitor = Monitor(conditions: 1)
  // Guarded by `monitor`.
  private var providers: [any CredentialsProvider]
  private var kept: Kept?
  private var isAsking = false
  /// How often they were asked for.
  private var rounds = 0
  private var failure: (round: Int, error: StoreError)?
  private var nextRenewal = 0

  init(_ providers: [any CredentialsProvider], clock: ServiceClock) {
    self.providers = providers
    self.clock = clock
  }

  /// The places that AWS's programs know, in their order: the environment, the shared
  /// configuration, web identity, the container's, the instance's. If the user names a profile,
  /// what the environment says does not count.
  ///
  /// - Parameters:
  ///   - profile: the profile's name, if the user gave one.
  ///   - region: where to take on roles, if the user said so.
  package convenience init(
    client: any HTTPClient, environment: StoreEnvironment, profile: String?, region: String?
  ) {
    self.init(
      client: client, environment: environment, profile: profile, region: region,
      clock: ServiceClock(), vendor: MachineVendor(folder: MachineVendor.systemFolder))
  }

  convenience init(
    client: any HTTPClient, environment: StoreEnvironment, profile: String?, region: String?,
    clock: ServiceClock, vendor: MachineVendor? = nil
  ) {
    let shared = ProfileProvider(
      client: client, environment: environment, profile: profile, region: region, clock: clock)
    var providers: [any CredentialsProvider] = [shared]
    if profile == nil {
      providers = [
        EnvironmentProvider(environment: environment), shared,
        WebIdentityProvider(client: client, environment: environment, region: region, clock: clock),
      ]
    }
    providers.append(ContainerProvider(client: client, environment: environment))
    providers.append(
      InstanceMetadataProvider(client: client, environment: environment, vendor: vendor))
    self.init(providers, clock: clock)
  }

  package func sign(_ request: HTTPRequest, region: String) throws(StoreError) -> HTTPRequest {
    try SignatureV4(credentials: current(), region: region, service: .s3, time: now()).sign(request)
  }

  package func correctClock(by answer: HTTPAnswer) -> Bool { clock.adjust(to: answer) }

  package func refresh() -> Bool {
    monitor.withLock {
      // Another thread was quicker.
      guard let kept else { return true }
      guard kept.provider.canChange else { return false }
      if now() - kept.time < Self.newest { return rounds > 1 }
      self.kept = nil
      return true
    }
  }

  package func delegate(to ask: @escaping @Sendable () -> [UInt8]?) {
    monitor.withLock { providers = [DelegatedProvider(ask: ask)] }
  }

  package func origin() throws(StoreError) -> String? { try current().origin }

  /// The region of the machine whose credentials these are.
  ///
  /// - Returns: `nil` if they are not a machine's.
  func region() -> String? {
    _ = try? current()
    return monitor.withLock { kept?.provider }?.region()
  }

  // MARK: Renewal

  /// What to do for credentials.
  private enum Step {
    case use(Credentials)
    case ask
    case fail(StoreError)
  }

  func current() throws(StoreError) -> Credentials {
    switch monitor.withLock({ nextStep() }) {
    case .use(let credentials): return credentials
    case .fail(let error): throw error
    case .ask:
      let result = Result { () throws(StoreError) in try find() }
      return try monitor.withLock { () throws(StoreError) in try finish(result) }
    }
  }

  /// Waits while another thread asks and nothing valid is there; inside the lock.
  private func nextStep() -> Step {
    var awaited: Int?
    while true {
      if let kept, isValid(kept.credentials), isAsking || !isDue(kept.credentials) {
        return .use(kept.credentials)
      }
      if !isAsking {
        // What failed for the other thread would now fail for each that waited, one by one.
        if let failure, failure.round == awaited { return .fail(failure.error) }
        isAsking = true
        return .ask
      }
      awaited = rounds
      monitor.wait(on: 0)
    }
  }

  /// Inside the lock.
  private func finish(_ result: Result<Kept, StoreError>) throws(StoreError) -> Credentials {
    defer {
      isAsking = false
      rounds += 1
      nextRenewal = now() + Self.pause
      monitor.broadcast(0)
    }
    switch result {
    case .success(let found):
      kept = found
      failure = nil
      return found.credentials
    case .failure(let error):
      if let kept, isValid(kept.credentials) { return kept.credentials }
      kept = nil
      failure = (rounds, error)
      throw error
    }
  }

  private func now() -> Int { clock.now() }

  private func isValid(_ credentials: Credentials) -> Bool {
    credentials.expiry.map { $0 > now() } ?? true
  }

  private func isDue(_ credentials: Credentials) -> Bool {
    guard let expiry = credentials.expiry else { return false }
    return now() >= max(expiry - Self.margin, nextRenewal)
  }

  private func find() throws(StoreError) -> Kept {
    let providers = monitor.withLock { self.providers }
    for provider in providers {
      guard let credentials = try provider.find() else { continue }
      guard isValid(credentials) else {
        throw StoreError(
          .credentials,
          "the credentials of \(provider.name) have expired by this machine's clock; get new ones")
      }
      return Kept(credentials: credentials, provider: provider, time: now())
    }
    throw StoreError(
      .credentials,
      "there are no credentials in \(providers.map(\.tried).joined(separator: ", ")); name a profile "
        + "with --profile, give the machine a role, or use --no-sign-request for a public bucket")
  }
}

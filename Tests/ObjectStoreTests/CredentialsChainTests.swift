import HTTP
import Posix
import Synchronization
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct CredentialsChainTests {
  /// A place whose answers a closure makes.
  private struct Place: CredentialsProvider {
    var name = "a place"
    var canChange = true
    let answer: @Sendable () throws(StoreError) -> Credentials?
    func find() throws(StoreError) -> Credentials? { try answer() }
  }

  private final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .sequentiallyConsistent) }
    func set(_ value: Int) { number.store(value, ordering: .sequentiallyConsistent) }
    @discardableResult func next() -> Int {
      number.add(1, ordering: .sequentiallyConsistent).newValue
    }
  }

  private static func credentials(
    _ key: String, expiry: Int? = nil
  ) throws(StoreError) -> Credentials {
    try Credentials(accessKey: key, secret: "hidden", token: "private", expiry: expiry, from: "x")
  }

  private let clock = Counter()
  private let asked = Counter()

  private func chain(_ places: Place...) -> CredentialsChain {
    let clock = clock
    return CredentialsChain(places, clock: ServiceClock { clock.value })
  }

  // MARK: Order

  @Test func theFirstPlaceThatHasSomeCounts() throws {
    let chain = chain(
      Place { nil }, Place { () throws(StoreError) in try Self.credentials("B") },
      Place { () throws(StoreError) in try Self.credentials("C") })
    #expect(try chain.current().accessKey == "B")
  }

  @Test func aBrokenPlaceStopsTheSearch() {
    let chain = chain(
      Place { () throws(StoreError) in throw StoreError(.credentials, "broken") },
      Place { () throws(StoreError) in try Self.credentials("B") })
    #expect(throws: StoreError(.credentials, "broken")) { try chain.current() }
  }

  @Test func expiredCredentialsStopTheSearch() {
    clock.set(1000)
    let chain = chain(Place { () throws(StoreError) in try Self.credentials("A", expiry: 1000) })
    let error = #expect(throws: StoreError.self) { try chain.current() }
    #expect(error?.message.contains("have expired") == true)
  }

  @Test func theOrderIsThatOfAWS() throws {
    let folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path(".aws")])
    try folder.write(
      ".aws/credentials",
      Array(
        """
        [default]
        aws_access_key_id = AKIADEFAULT
        aws_secret_access_key = s
        [named]
        aws_access_key_id = AKIANAMED
        aws_secret_access_key = s
        [empty]
        """.utf8))
    try folder.write("token", Array("web".utf8))
    let client = FakeClient { request in
      switch request.url {
      case "https://sts.us-east-1.amazonaws.com/":
        tokenServiceAnswer("AssumeRoleWithWebIdentity")
      case "http://169.254.170.2/c": jsonAnswer("ASIACONTAINER")
      case "http://169.254.169.254/latest/api/token": .text("mt")
      case "http://169.254.169.254/latest/meta-data/iam/security-credentials/": .text("r")
      case "http://169.254.169.254/latest/meta-data/placement/region": .text("eu-north-1")
      default: jsonAnswer("ASIAINSTANCE")
      }
    }
    var variables = [
      "AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s",
      "AWS_WEB_IDENTITY_TOKEN_FILE": folder.path("token"), "AWS_ROLE_ARN": "arn",
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/c",
    ]
    func chain(_ profile: String? = nil) -> CredentialsChain {
      CredentialsChain(
        client: client, environment: StoreEnvironment(variables, home: folder.root),
        profile: profile, region: nil, clock: ServiceClock { 0 })
    }
    func key(_ profile: String? = nil) throws -> String { try chain(profile).current().accessKey }
    #expect(try key() == "AKIAENV")
    #expect(try key("named") == "AKIANAMED")
    #expect(try key("empty") == "ASIACONTAINER")
    #expect(throws: StoreError.self) { try key("missing") }
    variables["AWS_ACCESS_KEY_ID"] = nil
    variables["AWS_SECRET_ACCESS_KEY"] = nil
    #expect(try key() == "AKIADEFAULT")
    variables["AWS_PROFILE"] = "named"
    #expect(try key() == "AKIANAMED")
    variables["AWS_PROFILE"] = "empty"
    #expect(try key() == "ASIAROLE")
    variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = nil
    #expect(try key() == "ASIACONTAINER")
    #expect(chain().region() == nil)
    variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = nil
    #expect(try key() == "ASIAINSTANCE")
    #expect(chain().region() == "eu-north-1")
  }

  @Test func withoutCredentialsTheMessageNamesPlacesAndRemedies() {
    let chain = CredentialsChain(
      client: FakeClient.offline, environment: .only([:]), profile: nil, region: nil)
    let error = #expect(throws: StoreError.self) { try chain.current() }
    #expect(error?.code == .credentials)
    for part in [
      "the environment", "~/.aws", "web identity", "the container's", "the instance's",
      "--profile", "--no-sign-request",
    ] { #expect(error?.message.contains(part) == true, "\(part)") }
  }

  // MARK: Renewal

  @Test func credentialsAreKeptUntilFiveMinutesBeforeTheirEnd() throws {
    let asked = asked
    let clock = clock
    let chain = chain(
      Place { () throws(StoreError) in
        try Self.credentials("K\(asked.next())", expiry: clock.value + 3600)
      })
    #expect(try chain.current().accessKey == "K1")
    clock.set(3299)
    #expect(try chain.current().accessKey == "K1")
    clock.set(3300)
    #expect(try chain.current().accessKey == "K2")
    #expect(try chain.current().accessKey == "K2")
  }

  @Test func aFailedRenewalIsTriedAgainWhileTheOldOnesAreValid() throws {
    let asked = asked
    let chain = chain(
      Place { () throws(StoreError) in
        guard asked.next() == 1 else { throw StoreError(.credentials, "down") }
        return try Self.credentials("K", expiry: 1000)
      })
    #expect(try chain.current().accessKey == "K")
    clock.set(800)
    #expect(try chain.current().accessKey == "K")
    #expect(try chain.current().accessKey == "K")
    #expect(asked.value == 2)
    clock.set(830)
    #expect(try chain.current().accessKey == "K")
    #expect(asked.value == 3)
    clock.set(1000)
    #expect(throws: StoreError(.credentials, "down")) { try chain.current() }
  }

  @Test func whatIsRefusedIsAskedForAgain() throws {
    let asked = asked
    let chain = chain(
      Place { () throws(StoreError) in try Self.credentials("K\(asked.next())") })
    #expect(try chain.current().accessKey == "K1")
    // Just had: others would be the same.
    #expect(!chain.refresh())
    clock.set(60)
    #expect(chain.refresh())
    #expect(try chain.current().accessKey == "K2")
    // Another thread's refusal of the first ones.
    #expect(chain.refresh())
    #expect(try chain.current().accessKey == "K2")
  }

  @Test func whatCannotChangeIsNotAskedForAgain() throws {
    let chain = chain(
      Place(canChange: false) { () throws(StoreError) in try Self.credentials("K") })
    _ = try chain.current()
    clock.set(60)
    #expect(!chain.refresh())
    #expect(!Unsigned().refresh())
  }

  // MARK: Threads

  /// A chain whose credentials have expired. The place answers when `count` threads need others:
  /// each looks at the clock once, inside the lock, before it asks or waits.
  private func expired(
    count: Int, _ answer: @escaping @Sendable () throws(StoreError) -> Credentials
  ) throws -> CredentialsChain {
    let asked = asked
    let clock = clock
    let looks = Counter()
    let place = Place { () throws(StoreError) in
      guard asked.next() > 1 else { return try Self.credentials("K", expiry: 1) }
      guard eventually({ looks.value >= count }) else {
        throw StoreError(.credentials, "the threads do not come")
      }
      return try answer()
    }
    let chain = CredentialsChain(
      [place],
      clock: ServiceClock {
        if clock.value > 0 { looks.next() }
        return clock.value
      })
    _ = try chain.current()
    clock.set(1)
    return chain
  }

  @Test func threadsWaitForOneThatAsks() throws {
    let chain = try expired(count: 16) { () throws(StoreError) in try Self.credentials("L") }
    let keys = try concurrentMap(count: 16, threads: 16) { _ in try? chain.current().accessKey }
    #expect(keys == Array(repeating: "L", count: 16))
    #expect(asked.value == 2)
  }

  @Test func threadsThatWaitShareAFailure() throws {
    let chain = try expired(count: 16) { () throws(StoreError) in
      throw StoreError(.credentials, "down")
    }
    let errors = try concurrentMap(count: 16, threads: 16) { _ in
      do throws(StoreError) {
        _ = try chain.current()
        return ""
      } catch {
        return error.message
      }
    }
    #expect(errors == Array(repeating: "down", count: 16))
    #expect(asked.value == 2)
  }

  /// The place answers only after another thread has gone on with the old credentials.
  @Test func otherThreadsGoOnWithWhatIsStillValid() throws {
    let asked = asked
    let isAsking = Counter()
    let hasGoneOn = Counter()
    let chain = chain(
      Place { () throws(StoreError) in
        let number = asked.next()
        if number > 1 {
          isAsking.set(1)
          guard eventually({ hasGoneOn.value == 1 }) else {
            throw StoreError(.credentials, "nobody went on")
          }
        }
        return try Self.credentials("K\(number)", expiry: number * 10_000)
      })
    _ = try chain.current()
    clock.set(9_800)
    let keys = try concurrentMap(count: 2, threads: 2) { index in
      if index == 0 { return try? chain.current().accessKey }
      guard eventually({ isAsking.value == 1 }) else { return nil }
      let key = try? chain.current().accessKey
      hasGoneOn.set(1)
      return key
    }
    #expect(keys == ["K2", "K1"])
  }

  // MARK: Signing

  @Test func requestsAreSignedWithTheTokenForTheRegion() throws {
    let chain = chain(Place { () throws(StoreError) in try Self.credentials("AKIA") })
    let signed = try chain.sign(HTTPRequest(url: "https://h/k"), region: "eu-west-1")
    #expect(signed.header("x-amz-security-token") == "private")
    #expect(signed.header("Authorization")?.contains("AKIA/19700101/eu-west-1/s3/") == true)
    let plain = try Unsigned().sign(HTTPRequest(url: "https://h/k"), region: "eu-west-1")
    #expect(plain.headers.isEmpty && plain.url == "https://h/k")
  }
}

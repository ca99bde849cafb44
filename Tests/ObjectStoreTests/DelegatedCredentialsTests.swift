import TestSupport
import Testing

@testable import ObjectStore

/// Credentials on their way between processes.
@Suite struct DelegatedCredentialsTests {
  @Test(
    arguments: [
      (nil, nil, "the profile lab"), ("token==", nil, "a"), (nil, 1_800_000_000, ""),
      ("t", -5, "two\nlines\n"),
    ] as [(String?, Int?, String)])
  func theyArriveAsTheyWere(token: String?, expiry: Int?, origin: String) throws {
    let sent = try Credentials(
      accessKey: "AKIA", secret: "a/b\\\"c", token: token, expiry: expiry, from: origin)
    let received = try DelegatedCredentials.decode(DelegatedCredentials.encode(.success(sent)))
    #expect(received == sent && received.origin == origin)
  }

  @Test func theReasonArrives() {
    let error = StoreError(.credentials, "the profile lab has only one\nof two")
    #expect(throws: error) {
      try DelegatedCredentials.decode(DelegatedCredentials.encode(.failure(error)))
    }
  }

  @Test(arguments: [
    "", "ok", "ok\n\n\n\n\n", "ok\nA\nB\n\n", "yes\nA\nB\nC\n1\nd", "ok\nA B\nC\n\n\nd", "no",
  ])
  func anythingElseIsNone(text: String) {
    let error = #expect(throws: StoreError.self) {
      try DelegatedCredentials.decode(Array(text.utf8))
    }
    #expect(error?.code == .credentials)
  }

  /// A chain that may no longer read anything asks whoever may.
  @Test func aChainAsksElsewhere() throws {
    let environment = StoreEnvironment.only([:])
    let chain = CredentialsChain(
      client: FakeClient.offline, environment: environment, profile: nil, region: nil)
    let found = try Credentials(accessKey: "AKIA", secret: "b", from: "elsewhere")
    chain.delegate { DelegatedCredentials.encode(.success(found)) }
    #expect(try chain.current() == found)
    #expect(try chain.origin() == "elsewhere")
    chain.delegate { nil }
    #expect(try chain.current() == found)
  }
}

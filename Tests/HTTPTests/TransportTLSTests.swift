import HTTP
import TestSupport
import Testing

@Suite struct TransportTLSTests {
  private let authority: TestAuthority
  private let server: FaultServer

  init() throws {
    authority = try TestAuthority()
    server = try FaultServer(identity: authority.identity)
  }

  private func get(_ url: String, trusting bundle: String) throws(HTTPError) -> HTTPAnswer {
    try Transport(TransportOptions(caBundle: bundle)).send(HTTPRequest(url: url))
  }

  private func problem(_ url: String, trusting bundle: String) -> HTTPError.Code? {
    do {
      _ = try get(url, trusting: bundle)
      return nil
    } catch { return error.code }
  }

  @Test func theRightAuthorityIsTrustedFromAFileOrAFolder() throws {
    for bundle in [authority.file, authority.hashedFolder] {
      #expect(try get(server.url + "/length/5", trusting: bundle).body.count == 5)
    }
  }

  @Test func noOtherAuthorityIsTrusted() throws {
    let other = try TestAuthority()
    for bundle in [other.file, other.hashedFolder, "/etc/ssl/certs", "/dev/null", "/no/such"] {
      #expect(problem(server.url + "/length/5", trusting: bundle) == .notTrusted)
    }
  }

  @Test func aCertificateForAnotherNameIsRefused() {
    let url = server.url.replacing("127.0.0.1", with: "localhost")
    #expect(problem(url + "/length/5", trusting: authority.file) == .notTrusted)
  }

  @Test func aServerWithoutTLSIsNotAskedInPlainText() throws {
    let plain = try FaultServer()
    let url = plain.url.replacing("http:", with: "https:")
    #expect(problem(url + "/length/5", trusting: authority.file) != nil)
  }
}

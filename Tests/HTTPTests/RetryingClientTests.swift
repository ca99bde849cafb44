import HTTP
import Posix
import Synchronization
import TestSupport
import Testing

@Suite struct RetryingClientTests {
  private let server: FaultServer

  init() throws { server = try FaultServer() }

  @Test func aBusyServerIsAskedAgainWithANewRequest() throws {
    let client = RetryingClient(Transport())
    var built = 0
    func build() throws(HTTPError) -> HTTPRequest {
      built += 1
      return HTTPRequest(url: server.url + "/flaky/a")
    }
    let answer = try client.send(failure: { $0 }, build)
    #expect(answer.body == Array("3".utf8))
    #expect(built == 3)
  }

  @Test func theSecondOfTwoRequestsMayAnswer() throws {
    var policy = RetryPolicy()
    policy.patience = 50
    let client = RetryingClient(Transport(), policy: policy)
    let answer = try client.send(HTTPRequest(url: server.url + "/once-silent/a"))
    #expect(answer.body == Array("2".utf8))
  }

  /// A server that writes more than it announced spoils the connection, not the next request.
  @Test func bytesBehindABodyCostOnlyTheConnection() throws {
    let client = RetryingClient(Transport())
    for connection in 1...3 {
      let answer = try client.send(HTTPRequest(url: server.url + "/leftover"))
      #expect(answer.body == Array("\(connection)".utf8))
    }
  }

  @Test func theLastAnswerOrProblemIsTold() throws {
    var policy = RetryPolicy()
    policy.total = 300
    let client = RetryingClient(Transport(), policy: policy)
    #expect(try client.send(HTTPRequest(url: server.url + "/status/503")).status == 503)
    do {
      _ = try client.send(HTTPRequest(url: server.url + "/cut"))
      Issue.record("answered")
    } catch { #expect(error.code == .unreachable) }
  }

  @Test func aLongWaitIsToldOnce() throws {
    var policy = RetryPolicy()
    policy.total = 200
    policy.notice = 100
    let waits = Mutex<[String]>([])
    let client = RetryingClient(
      Transport(), policy: policy,
      tellWait: { host, seconds in waits.withLock { $0.append("\(host) \(seconds)") } })
    for _ in 0..<2 { _ = try client.send(HTTPRequest(url: server.url + "/status/503")) }
    #expect(waits.withLock { $0 } == ["127.0.0.1 0"])
  }

  /// A slow line is no silent server: requests wait for those whose answers are coming.
  @Test func whoWaitsForItsTurnIsNotTold() throws {
    var policy = RetryPolicy()
    policy.total = 500
    policy.patience = 60_000
    policy.notice = 300
    var timeouts = HTTPTimeouts()
    timeouts.stall = 1_500
    let request = HTTPRequest(url: server.url + "/trickle", timeouts: timeouts)
    let waits = Mutex(0)
    let client = RetryingClient(
      Transport(), policy: policy, tellWait: { _, _ in waits.withLock { $0 += 1 } })
    // As many as there are connections, and one more.
    _ = try concurrentMap(count: 9, threads: 9) { _ in try? client.send(request).status }
    #expect(waits.withLock { $0 } == 0)
  }

  @Test func aStoppedProgramWaitsForNothing() {
    let client = RetryingClient(Transport(), isStopped: { true })
    do {
      _ = try client.send(HTTPRequest(url: server.url + "/silent"))
      Issue.record("answered")
    } catch { #expect(error.code == .cancelled) }
  }

  @Test func whatCannotBeBuiltIsTheCallersError() {
    struct NoCredentials: Error {}
    func build() throws(NoCredentials) -> HTTPRequest { throw NoCredentials() }
    let client = RetryingClient(Transport())
    #expect(throws: NoCredentials.self) {
      try client.send(failure: { _ in NoCredentials() }, build)
    }
  }
}

import HTTP
import Posix
import Synchronization
import TestSupport
import Testing

@Suite struct TransportTests {
  private let server: FaultServer
  private let transport = Transport()

  init() throws { server = try FaultServer() }

  private func get(_ path: String, mostBytes: Int = 1 << 20) throws(HTTPError) -> HTTPAnswer {
    try transport.send(HTTPRequest(url: server.url + path, mostBytes: mostBytes))
  }

  /// The error that a request must end with.
  private func problem(
    _ path: String, mostBytes: Int = 1 << 20, _ timeouts: HTTPTimeouts = HTTPTimeouts()
  ) -> HTTPError? {
    do {
      _ = try transport.send(
        HTTPRequest(url: server.url + path, mostBytes: mostBytes, timeouts: timeouts))
      return nil
    } catch { return error }
  }

  @Test func oneConnectionServesRequestsInTurn() throws {
    let answers = try (0..<5).map { _ in try get("/connection").body }
    #expect(answers == Array(repeating: Array("1".utf8), count: 5))
  }

  @Test(arguments: [HTTPRequest.Method.get, .put, .post, .delete])
  func methodsHeadersAndBodiesArrive(method: HTTPRequest.Method) throws {
    let hasBody = method == .put || method == .post
    let answer = try transport.send(
      HTTPRequest(
        method, url: server.url + "/echo/../a%2Fb?c=d&e",
        headers: [HTTPHeader("X-A", "b c"), HTTPHeader("X-Empty", "")],
        body: HTTPBody(hasBody ? Array("body".utf8) : [])))
    let lines = String(decoding: answer.body, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "\(method.rawValue) /echo/../a%2Fb?c=d&e")
    #expect(lines.contains("X-A: b c") && lines.contains("X-Empty:"))
    #expect(lines.last == (hasBody ? "body" : ""))
    for unwanted in ["accept-encoding", "content-type", "expect", "cookie", "authorization"] {
      #expect(!lines.contains { $0.lowercased().hasPrefix(unwanted) })
    }
  }

  @Test func anAnswerToHeadHasHeadersOnly() throws {
    let answer = try transport.send(HTTPRequest(.head, url: server.url + "/head"))
    #expect(answer.status == 200 && answer.header("ETag") == "\"a\"" && answer.body == [])
  }

  @Test func bodiesUpToTheLimitAreKept() throws {
    #expect(try get("/length/5000", mostBytes: 5000).body.count == 5000)
    #expect(try get("/chunks/5000", mostBytes: 5000).body.count == 5000)
    #expect(try get("/interim").header("A") == nil)
  }

  @Test(arguments: [
    "/length/5000", "/chunks/5000", "/gzip/gzip", "/headers/66000",
    // A status that is none, a header without a colon, two lengths, something else than HTTP.
    "/raw/485454502f312e31203920410d0a0d0a", "/raw/485454502f312e312032303020410d0a580d0a0d0a",
    "/raw/485454502f312e312032303020410d0a436f6e74656e742d4c656e6774683a20310d0a"
      + "436f6e74656e742d4c656e6774683a20320d0a0d0a4141",
    "/raw/68656c6c6f0a0a",
  ])
  func answersThatBreakTheRulesAreRefused(path: String) {
    #expect(problem(path, mostBytes: 4999)?.code == .badAnswer)
  }

  @Test func headersUpToTheLimitAreKept() throws {
    #expect(try get("/headers/64000").headers.count == 65)
  }

  @Test(arguments: ["/cut", "/cutchunks", "/close"])
  func answersThatBreakOffAreNoAnswers(path: String) {
    #expect(problem(path)?.code == .unreachable)
  }

  @Test func whatFollowsABodyIsNoAnswerToTheNextRequest() throws {
    for _ in 0..<3 { #expect(try get("/overlong").body == Array("right".utf8)) }
    #expect(try get("/length/3").body == Array("xxx".utf8))
  }

  @Test func aSilentServerIsGivenUp() {
    var timeouts = HTTPTimeouts()
    timeouts.firstByte = 200
    #expect(problem("/silent", timeouts)?.code == .unreachable)
  }

  @Test func aServerThatIsTooSlowIsGivenUp() {
    var timeouts = HTTPTimeouts()
    timeouts.stall = 300
    #expect(problem("/trickle", timeouts)?.code == .unreachable)
  }

  @Test func aClosedPortAndAnUnknownNameAreTold() {
    do {
      _ = try transport.send(HTTPRequest(url: "http://127.0.0.1:1/"))
      Issue.record("connected")
    } catch { #expect(error.code == .refused) }
    do {
      _ = try transport.send(HTTPRequest(url: "http://name.invalid/"))
      Issue.record("resolved")
    } catch { #expect(error.code == .unknownHost) }
  }

  @Test(arguments: ["X-A\r\nX-B", "", "X A", "X:"])
  func headersCannotSmuggleOthers(name: String) {
    do {
      _ = try transport.send(
        HTTPRequest(url: server.url + "/echo", headers: [HTTPHeader(name, "a")]))
      Issue.record("sent")
    } catch { #expect(error.code == .impossible) }
    do {
      _ = try transport.send(
        HTTPRequest(url: server.url + "/echo", headers: [HTTPHeader("X", "a\r\nY: b")]))
      Issue.record("sent")
    } catch { #expect(error.code == .impossible) }
  }

  @Test func sixteenThreadsShareEightConnections() throws {
    let results = try concurrentMap(count: 64, threads: 16) { [url = server.url, transport] index in
      try? transport.send(HTTPRequest(url: url + "/slow/\(index)")).body
    }
    #expect(results == (0..<64).map { Array("\($0)".utf8) })
    let most = try #require(Int(String(decoding: try get("/most").body, as: UTF8.self)))
    #expect((2...8).contains(most))
  }

  @Test func aStoppedRequestEndsAndTellsSo() throws {
    let outcome = Shared<HTTPError.Code>()
    let handle = transport.start(HTTPRequest(url: server.url + "/silent")) {
      if case .failure(let error) = $0 { outcome.value = error.code }
    }
    handle.cancel()
    #expect(eventually { outcome.value == .cancelled })
    handle.cancel()
    #expect(try get("/length/1").body.count == 1)
  }

  @Test func stoppingTheProgramEndsAllRequests() throws {
    let isStopped = Shared<Bool>()
    var options = TransportOptions()
    options.isStopped = { isStopped.value == true }
    let transport = Transport(options)
    // More than there are connections, so that some wait.
    let outcomes = try concurrentMap(count: 12, threads: 12) { [url = server.url] index in
      if index == 11 {
        isStopped.value = true
        return HTTPError.Code.cancelled
      }
      do throws(HTTPError) {
        _ = try transport.send(HTTPRequest(url: url + "/silent"))
        return .badAnswer
      } catch { return error.code }
    }
    #expect(outcomes.allSatisfy { $0 == .cancelled })
  }

  @Test func requestsEndWithTheirTransport() throws {
    let outcome = Shared<HTTPError.Code>()
    var transport: Transport? = Transport()
    transport?.start(HTTPRequest(url: server.url + "/silent")) {
      if case .failure(let error) = $0 { outcome.value = error.code }
    }
    transport = nil
    #expect(eventually { outcome.value == .cancelled })
  }
}

/// A value that several threads may set.
final class Shared<Value: Sendable>: Sendable {
  private let stored = Mutex<Value?>(nil)

  var value: Value? {
    get { stored.withLock { $0 } }
    set { stored.withLock { $0 = newValue } }
  }
}

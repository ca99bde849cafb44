import HTTP
import Testing

@Suite struct RedirectsTests {
  private func answer(_ status: Int, _ location: String?) -> HTTPAnswer {
    HTTPAnswer(
      status: status, headers: location.map { [HTTPHeader("location", $0)] } ?? [], body: [])
  }

  private let secrets = [
    HTTPHeader("Authorization", "secret"), HTTPHeader("cookie", "secret"),
    HTTPHeader("X-Amz-Security-Token", "secret"), HTTPHeader("Host", "a"),
    HTTPHeader("Range", "bytes=0-1"),
  ]

  @Test(arguments: [301, 302, 303, 307, 308])
  func eachKindLeadsToTheLocation(status: Int) throws {
    var redirects = Redirects()
    let request = HTTPRequest(.head, url: "https://a/b/c", headers: secrets)
    let next = try #require(try redirects.next(after: request, answer(status, "d")))
    #expect(next.url == "https://a/b/d" && next.method == .head)
    #expect(next.headers == secrets)
  }

  @Test(arguments: [(200, "b"), (304, "b"), (300, "b"), (404, "b"), (301, nil), (301, "")])
  func otherAnswersAreFinal(status: Int, location: String?) throws {
    var redirects = Redirects()
    let request = HTTPRequest(url: "https://a/")
    #expect(try redirects.next(after: request, answer(status, location)) == nil)
  }

  @Test(arguments: ["https://b/", "https://a:8443/", "//b/"])
  func secretsStayWithTheServerTheyWereMadeFor(location: String) throws {
    var redirects = Redirects()
    let request = HTTPRequest(url: "https://a/", headers: secrets)
    let next = try #require(try redirects.next(after: request, answer(302, location)))
    #expect(next.headers == [HTTPHeader("Range", "bytes=0-1")])
  }

  @Test func secretsStayWhenTheSchemeChanges() throws {
    var redirects = Redirects()
    let request = HTTPRequest(url: "http://a/", headers: secrets)
    let next = try #require(try redirects.next(after: request, answer(301, "https://a/")))
    #expect(next.headers == [HTTPHeader("Range", "bytes=0-1")])
  }

  @Test func seeOtherAsksWithoutTheBody() throws {
    var redirects = Redirects()
    let request = HTTPRequest(
      .post, url: "https://a/", headers: [HTTPHeader("Content-MD5", "x")], body: HTTPBody([1]))
    let next = try #require(try redirects.next(after: request, answer(303, "b")))
    #expect(next.method == .get && next.body.isEmpty && next.headers == [])
  }

  @Test(arguments: ["http://a/", "file:///etc/passwd", "https://x:y@a/", "https://a:0/"])
  func unsafeOnesAreRefused(location: String) {
    var redirects = Redirects()
    let request = HTTPRequest(url: "https://a/")
    do {
      _ = try redirects.next(after: request, answer(301, location))
      Issue.record("followed")
    } catch { #expect(error.code == .badAnswer) }
  }

  @Test func aLoopEnds() throws {
    var redirects = Redirects()
    let request = HTTPRequest(url: "https://a/")
    for _ in 0..<Redirects.limit {
      #expect(try redirects.next(after: request, answer(301, "/")) != nil)
    }
    #expect(throws: HTTPError.self) { try redirects.next(after: request, answer(301, "/")) }
  }
}

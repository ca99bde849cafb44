/// Follows the redirects of one request.
package struct Redirects: Sendable {
  /// A longer chain is an error.
  package static var limit: Int { 5 }

  private var count = 0

  package init() {}

  /// The request that an answer redirects to; `nil` if the answer is the final one.
  ///
  /// What proves who asks goes to no other server than the one it was made for.
  ///
  /// - Throws: `HTTPError` with the code `badAnswer` if the redirect must not be followed.
  package mutating func next(
    after request: HTTPRequest, _ answer: HTTPAnswer
  ) throws(HTTPError) -> HTTPRequest? {
    guard [301, 302, 303, 307, 308].contains(answer.status),
      let location = answer.header("Location"), !location.isEmpty
    else { return nil }
    count += 1
    guard count <= Self.limit else {
      throw HTTPError(.badAnswer, "the server redirects more than \(Self.limit) times")
    }
    let source = try URLParts(request.url)
    let target: URLParts
    do throws(HTTPError) {
      target = try source.resolving(location)
    } catch {
      throw HTTPError(.badAnswer, "the server redirects to an unusable address: \(error)")
    }
    guard source.scheme == .http || target.scheme == .https else {
      throw HTTPError(.badAnswer, "the server redirects from https to http, which is not safe")
    }
    var next = request
    next.url = target.text
    if answer.status == 303 {
      if next.method != .head { next.method = .get }
      next.body = HTTPBody()
      next.headers.removeAll { $0.name.lowercased().hasPrefix("content-") }
    }
    if !target.hasSameOrigin(as: source) {
      next.headers.removeAll { Self.isForOneServer($0.name.lowercased()) }
    }
    return next
  }

  private static func isForOneServer(_ name: String) -> Bool {
    ["authorization", "proxy-authorization", "cookie", "host"].contains(name)
      || name.hasPrefix("x-amz-")
  }
}

/// When a request is repeated. All times are in milliseconds.
package struct RetryPolicy: Sendable {
  /// The wait after the first failure; each further one is twice as long.
  package var firstDelay = 100
  /// No wait is longer, unless the server asks for it.
  package var longestDelay = 5_000
  /// No request starts later than this after the first.
  package var total = 30_000
  /// The same for a server that has no address or refuses connections, and has never answered: the
  /// user has probably named the wrong one.
  package var totalForStrangers = 3_000
  /// Without a byte of an answer for so long, people are told.
  package var notice = 3_500
  /// If no byte came for so long, a second request starts on top of the first.
  package var patience = 2_000

  package init() {}

  /// Whether the same request may succeed later.
  package func mayHelp(after result: Result<HTTPAnswer, HTTPError>) -> Bool {
    switch result {
    case .success(let answer): [429, 500, 502, 503, 504].contains(answer.status)
    case .failure(let error): [.unreachable, .refused, .unknownHost].contains(error.code)
    }
  }

  /// How long after the first request others may start.
  ///
  /// - Parameter isKnown: whether the server has ever answered.
  func total(after result: Result<HTTPAnswer, HTTPError>, isKnown: Bool) -> Int {
    guard case .failure(let error) = result, [.refused, .unknownHost].contains(error.code),
      !isKnown
    else { return total }
    return min(total, totalForStrangers)
  }

  /// Whether a request may be sent twice.
  package func mayRepeat(_ method: HTTPRequest.Method) -> Bool { method != .post }

  /// Whether a request may be sent again while the first is under way.
  package func mayDouble(_ method: HTTPRequest.Method) -> Bool { method == .get || method == .head }

  /// How long to wait before the next try.
  ///
  /// - Parameters:
  ///   - failures: how many tries have failed, at least 1.
  ///   - elapsed: the time since the first try.
  ///   - isKnown: whether the server has ever answered.
  ///   - jitter: 0 to 1, at random, so that many clients do not come back at the same moment.
  /// - Returns: `nil` if there is no time left.
  package func delay(
    after result: Result<HTTPAnswer, HTTPError>, failures: Int, elapsed: Int,
    isKnown: Bool = true, jitter: Double
  ) -> Int? {
    let left = total(after: result, isKnown: isKnown) - elapsed
    guard left > 0 else { return nil }
    let longest = min(longestDelay, firstDelay << min(max(failures - 1, 0), 16))
    var delay = longest / 2 + Int(Double(longest - longest / 2) * min(max(jitter, 0), 1))
    if case .success(let answer) = result, let wish = answer.header("Retry-After") {
      delay = max(delay, Self.milliseconds(ofRetryAfter: wish))
    }
    return min(delay, left)
  }

  /// The header's seconds; 0 for a date, which depends on two clocks.
  private static func milliseconds(ofRetryAfter text: String) -> Int {
    guard let seconds = Int(text), seconds > 0 else { return 0 }
    return min(seconds, 86_400) * 1_000
  }
}

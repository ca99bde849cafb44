/// The course of one request with its repetitions: decides what to do, and does nothing.
///
/// Times are milliseconds on any clock.
struct RetryRun {
  enum Step: Equatable {
    /// Send a request with this number.
    case send(Int)
    case cancel(Int)
    /// Wait for one of the requests under way, or for a time.
    case wait(until: Int?)
    case finish
  }

  private let policy: RetryPolicy
  private let start: Int
  /// Whether the server has ever answered.
  private var isKnown = false
  /// The requests under way, and whether a byte of their answers has come.
  private var underWay: [Int: Bool] = [:]
  private var sent = 0
  private var failures = 0
  private var nextTry: Int?
  /// When to send a second request.
  private var doubleAt: Int?
  private var method = HTTPRequest.Method.get

  /// The answer, or the last problem, once there is nothing more to do.
  private(set) var result: Result<HTTPAnswer, HTTPError>?

  init(policy: RetryPolicy, now: Int) {
    self.policy = policy
    start = now
    nextTry = now
  }

  /// What to do now.
  mutating func next(now: Int) -> Step {
    if result != nil {
      guard let number = underWay.keys.min() else { return .finish }
      underWay[number] = nil
      return .cancel(number)
    }
    if let time = nextTry {
      guard now >= time else { return .wait(until: time) }
      nextTry = nil
      doubleAt = now + policy.patience
      return send()
    }
    guard let time = doubleAt, policy.mayDouble(method), underWay.values.contains(false) else {
      return .wait(until: nil)
    }
    guard now >= time else { return .wait(until: time) }
    doubleAt = nil
    return send()
  }

  private mutating func send() -> Step {
    sent += 1
    underWay[sent] = false
    return .send(sent)
  }

  /// Notes what was sent for a number.
  ///
  /// - Parameter isKnown: whether the server has answered other requests.
  mutating func didSend(_ method: HTTPRequest.Method, isKnown: Bool = false) {
    self.method = method
    if isKnown { self.isKnown = true }
  }

  /// Notes the first byte of an answer.
  mutating func began(_ number: Int) {
    guard underWay[number] != nil else { return }
    underWay[number] = true
    doubleAt = nil
  }

  /// Notes the end of a request.
  mutating func ended(
    _ number: Int, _ outcome: Result<HTTPAnswer, HTTPError>, now: Int, jitter: Double
  ) {
    guard underWay.removeValue(forKey: number) != nil, result == nil else { return }
    if case .success = outcome { isKnown = true }
    guard policy.mayHelp(after: outcome), policy.mayRepeat(method) else {
      result = outcome
      return
    }
    failures += 1
    // The other request may still succeed.
    guard underWay.isEmpty else { return }
    doubleAt = nil
    guard
      let delay = policy.delay(
        after: outcome, failures: failures, elapsed: now - start, isKnown: isKnown,
        jitter: jitter)
    else {
      result = outcome
      return
    }
    nextTry = now + delay
  }

  /// Whether people should hear that it takes long.
  func isLate(now: Int) -> Bool {
    result == nil && now - start >= policy.notice && !underWay.values.contains(true)
  }

  /// Ends the run because the program is being stopped.
  mutating func stop() {
    if result == nil { result = .failure(HTTPError(.cancelled, "the program is being stopped")) }
  }
}

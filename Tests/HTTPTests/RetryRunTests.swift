import Testing

@testable import HTTP

/// The clock is a number here.
@Suite struct RetryRunTests {
  private let fine = Result<HTTPAnswer, HTTPError>.success(answer(200))
  private let busy = Result<HTTPAnswer, HTTPError>.success(answer(503))
  private let broken = Result<HTTPAnswer, HTTPError>.failure(HTTPError(.unreachable, "broken"))

  private static func answer(_ status: Int, retryAfter: String? = nil) -> HTTPAnswer {
    HTTPAnswer(
      status: status, headers: retryAfter.map { [HTTPHeader("Retry-After", $0)] } ?? [], body: [])
  }

  /// A run whose first request has just been sent, at the time 0.
  private func started(_ method: HTTPRequest.Method = .get) -> RetryRun {
    var run = RetryRun(policy: RetryPolicy(), now: 0)
    #expect(run.next(now: 0) == .send(1))
    run.didSend(method)
    return run
  }

  @Test(arguments: [
    (200, false), (206, false), (301, false), (403, false), (404, false), (412, false),
    (501, false), (429, true), (500, true), (502, true), (503, true), (504, true),
  ])
  func someStatusesAreWorthAnotherTry(status: Int, isRepeated: Bool) {
    #expect(RetryPolicy().mayHelp(after: .success(Self.answer(status))) == isRepeated)
  }

  @Test(arguments: [
    (HTTPError.Code.unreachable, true), (.refused, true), (.unknownHost, true),
    (.notTrusted, false),
    (.badAnswer, false), (.cancelled, false), (.impossible, false),
  ])
  func onlyServersThatCannotBeReachedAreWorthAnotherTry(code: HTTPError.Code, isRepeated: Bool) {
    #expect(RetryPolicy().mayHelp(after: .failure(HTTPError(code, ""))) == isRepeated)
  }

  @Test(arguments: [
    (1, 0, nil, 50...100), (2, 0, nil, 100...200), (4, 0, nil, 400...800),
    (99, 0, nil, 2_500...5_000), (1, 29_990, nil, 10...10), (1, 0, "3", 3_000...3_000),
    (1, 0, "999999999", 30_000...30_000), (1, 0, "-5", 50...100),
    (1, 0, "Mon, 01 Jan 2035 00:00:00 GMT", 50...100),
  ])
  func waitsGrowAndEndWithTheTime(
    failures: Int, elapsed: Int, wish: String?, range: ClosedRange<Int>
  ) {
    func delay(_ jitter: Double) -> Int? {
      RetryPolicy().delay(
        after: .success(Self.answer(503, retryAfter: wish)), failures: failures, elapsed: elapsed,
        jitter: jitter)
    }
    #expect(delay(0) == range.lowerBound)
    #expect(delay(1) == range.upperBound)
  }

  @Test func aFailureIsRepeatedAfterAWait() {
    var run = started()
    run.ended(1, busy, now: 10, jitter: 1)
    #expect(run.next(now: 10) == .wait(until: 110))
    #expect(run.next(now: 110) == .send(2))
    run.ended(2, fine, now: 120, jitter: 1)
    #expect(run.next(now: 120) == .finish)
    #expect(run.result == fine)
  }

  @Test func theLastProblemStaysWhenTheTimeIsOver() {
    var run = started()
    run.ended(1, busy, now: 29_999, jitter: 1)
    #expect(run.next(now: 30_000) == .send(2))
    run.ended(2, broken, now: 30_001, jitter: 1)
    #expect(run.next(now: 30_001) == .finish)
    #expect(run.result == broken)
  }

  /// Nobody listens, or there is no such name: after a few seconds the address is wrong, unless it
  /// has been right before.
  @Test(arguments: [HTTPError.Code.refused, .unknownHost]) func aWrongAddressIsToldSoon(
    code: HTTPError.Code
  ) {
    let refused = Result<HTTPAnswer, HTTPError>.failure(HTTPError(code, ""))
    for (wasKnown, answered) in [(false, false), (true, false), (false, true)] {
      var run = RetryRun(policy: RetryPolicy(), now: 0)
      #expect(run.next(now: 0) == .send(1))
      run.didSend(.get, isKnown: wasKnown)
      run.ended(1, answered ? busy : refused, now: 2_950, jitter: 0)
      #expect(run.next(now: 3_000) == .send(2))
      run.ended(2, refused, now: 3_001, jitter: 0)
      #expect((run.next(now: 3_001) == .finish) == !(wasKnown || answered))
    }
  }

  @Test func aWaitIsLateUntilAByteComes() {
    var run = started()
    #expect(!run.isLate(now: 3_499) && run.isLate(now: 3_500))
    run.began(1)
    #expect(!run.isLate(now: 60_000))
    run.ended(1, broken, now: 60_000, jitter: 0)
    #expect(!run.isLate(now: 60_000))
  }

  @Test func whatIsNotIdempotentIsSentOnce() {
    var run = started(.post)
    #expect(run.next(now: 5_000) == .wait(until: nil))
    run.ended(1, broken, now: 5_000, jitter: 1)
    #expect(run.next(now: 5_000) == .finish)
    #expect(run.result == broken)
  }

  @Test func aSilentServerGetsASecondRequestWhoseAnswerCounts() {
    var run = started()
    #expect(run.next(now: 1_999) == .wait(until: 2_000))
    #expect(run.next(now: 2_000) == .send(2))
    #expect(run.next(now: 9_000) == .wait(until: nil))
    run.ended(2, fine, now: 9_000, jitter: 1)
    #expect(run.next(now: 9_000) == .cancel(1))
    #expect(run.next(now: 9_000) == .finish)
    #expect(run.result == fine)
  }

  @Test func theFirstOfTwoMayStillWin() {
    var run = started()
    #expect(run.next(now: 2_000) == .send(2))
    run.ended(2, broken, now: 2_001, jitter: 1)
    #expect(run.next(now: 2_001) == .wait(until: nil))
    run.ended(1, fine, now: 2_002, jitter: 1)
    #expect(run.next(now: 2_002) == .finish)
    #expect(run.result == fine)
  }

  @Test func aLongAnswerThatHasBegunIsNotAskedForTwice() {
    var run = started()
    run.began(1)
    #expect(run.next(now: 20_000) == .wait(until: nil))
  }

  @Test func uploadsAreRepeatedButNotDoubled() {
    var run = started(.put)
    #expect(run.next(now: 20_000) == .wait(until: nil))
    run.ended(1, busy, now: 20_000, jitter: 0)
    #expect(run.next(now: 20_050) == .send(2))
  }

  @Test func stoppingCancelsAll() {
    var run = started()
    run.stop()
    #expect(run.next(now: 1) == .cancel(1))
    #expect(run.next(now: 1) == .finish)
    guard case .failure(let error) = run.result else {
      Issue.record("no error")
      return
    }
    #expect(error.code == .cancelled)
  }
}

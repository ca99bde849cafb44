import TestSupport
import Testing

@testable import Automount

@Suite struct DeadlineTests {
  /// Whatever the answer holds, also the signs that stand before one.
  @Test(arguments: [
    [], Array("=".utf8), Array("..=.=".utf8), [UInt8](0...255), .init(repeating: 46, count: 300),
  ])
  func onlyAWholeAnswerCounts(answer: [UInt8]) {
    let written = Array("...".utf8) + Deadline.framed(answer)
    #expect(Deadline.unframed(written) == answer)
    for length in 0..<written.count {
      #expect(Deadline.unframed(Array(written[..<length])) == nil, "after \(length) bytes")
    }
    #expect(Deadline.unframed(written + [0]) == nil)
  }
}

import TestSupport
import Testing

@testable import Automount

@Suite struct ForkedAnswerTests {
  /// Whatever the answer holds, even the signs that precede one.
  @Test(arguments: [
    [], Array("=".utf8), Array("..=.=!".utf8), [UInt8](0...255), .init(repeating: 46, count: 300),
  ])
  func onlyAWholeAnswerCounts(answer: [UInt8]) throws {
    let written = Array("...".utf8) + ForkedAnswer.framed(Outcome.success(answer))
    #expect(try (ForkedAnswer.unframed(written) as Outcome?)?.get() == answer)
    for length in 0..<written.count {
      let cut: Outcome? = ForkedAnswer.unframed(Array(written[..<length]))
      #expect(cut == nil, "after \(length) bytes")
    }
    #expect((ForkedAnswer.unframed(written + [0]) as Outcome?) == nil)
  }

  private typealias Outcome = Result<[UInt8], MapRefusal>

  @Test(arguments: [
    MapRefusal(.badKey, [], ""), MapRefusal(.unmountable, Array("a b".utf8), "why; what to do"),
    MapRefusal(.machine, [0xff, 0x0a], "línea"),
  ])
  func refusalsArriveWhole(refusal: MapRefusal) {
    let written = ForkedAnswer.framed(Outcome.failure(refusal))
    #expect(ForkedAnswer.unframed(written) == Outcome.failure(refusal))
  }

  /// Bytes that are not a value are not an answer.
  @Test func valuesAreChecked() {
    #expect(MapRefusal(wireBytes: [0, 0]) == nil)
    #expect(MapRefusal(wireBytes: [1]) == nil)
    #expect(Bool(wireBytes: []) == nil)
    #expect(Bool(wireBytes: [2]) == nil)
    #expect(Bool(wireBytes: true.wireBytes) == true)
    #expect(Catalogue(wireBytes: Array("? 61\n".utf8)) == nil)
  }
}

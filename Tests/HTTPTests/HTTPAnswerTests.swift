import HTTP
import Testing

@Suite struct HTTPAnswerTests {
  @Test func headersAreFoundInAnyCase() {
    let answer = HTTPAnswer(status: 200, headers: [HTTPHeader("eTag", "\"a\"")], body: [])
    #expect(answer.header("ETag") == "\"a\"")
    #expect(answer.header("ETa") == nil)
  }
}

import Testing

@testable import ObjectStore

@Suite struct PercentEncodingTests {
  @Test func keysInListsAreEncodedAsForms() {
    #expect(PercentEncoding.decodeKey("a+b%2Bc%20d/%C3%BC".utf8) == Array("a b+c d/ü".utf8))
  }

  @Test(arguments: [
    ("", ""), ("aZ09-._~", "aZ09-._~"), ("a b", "a%20b"), ("a/b", "a%2Fb"),
    ("+=&?#%", "%2B%3D%26%3F%23%25"),
    ("ü🙂", "%C3%BC%F0%9F%99%82"), ("\0\u{7f}", "%00%7F"),
  ])
  func onlyUnreservedCharactersStay(text: String, encoded: String) {
    #expect(PercentEncoding.encode(text.utf8) == encoded)
    #expect(PercentEncoding.decode(encoded.utf8) == Array(text.utf8))
  }

  @Test func slashesOfAPathStay() {
    #expect(PercentEncoding.encode("a//b c".utf8, keepsSlashes: true) == "a//b%20c")
  }

  @Test(arguments: [
    ("%2f%2F", "//"), ("%", "%"), ("%4", "%4"), ("%zz%41", "%zzA"), ("a+b", "a+b"), ("%%41", "%A"),
  ])
  func whatIsNoEncodingStaysWhenDecoded(text: String, decoded: String) {
    #expect(PercentEncoding.decode(text.utf8) == Array(decoded.utf8))
  }
}

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"),
    (4_107_542_400, "21000301T000000Z"), (1_369_353_600, "20130524T000000Z"),
    (-1, "19700101T000000Z"), (Int.max, "99991231T235959Z"),
  ])
  func theFormOfSignatures(seconds: Int, text: String) {
    #expect(Timestamp.compact(seconds) == text)
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("2000-02-29T00:00:00Z", 951_782_400),
    ("2013-05-24T00:00:00.123456Z", 1_369_353_600), ("2013-05-24T02:00:00+02:00", 1_369_353_600),
    ("2013-05-23T19:30:00-04:30", 1_369_353_600), ("2013-05-24t00:00:00z", 1_369_353_600),
    ("2013-05-24 00:00:00+00:00", 1_369_353_600),
  ])
  func timesOfAnswers(text: String, seconds: Int) { #expect(Timestamp.parse(text) == seconds) }

  @Test(arguments: [
    "", "tomorrow", "2013-05-24", "2013-05-24T00:00:00", "2013-13-01T00:00:00Z",
    "2013-05-24T24:00:00Z", "2013-05-24T00:00:00Zx", "2013-05-24T00:00:00+2", "1-05-24T00:00:00Z",
    "-013-05-24T00:00:00Z", "99999999999999999999", "2013-05-24T00:00:00+99:00",
  ])
  func whatIsNoTime(text: String) { #expect(Timestamp.parse(text) == nil) }

  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("Sun, 06 Nov 1994 08:49:37 UTC", nil), ("Sunday, 06-Nov-94 08:49:37 GMT", nil),
    ("Sun, 06 Nov 94 08:49:37 GMT", nil), ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
    ("Sun, 06 Nov 1994 08:49:37Z GMT", nil), ("Sun, 6 Nov 1994 08:49:37 GMT", nil), ("", nil),
    ("     ", nil),
  ])
  func datesOfHeaders(text: String, seconds: Int?) {
    #expect(Timestamp.parseHeader(text) == seconds)
  }
}

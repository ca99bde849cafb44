import Testing

@testable import ObjectStore

@Suite struct FlatJSONTests {
  @Test(arguments: [
    ("{}", [:]), (" { } \n", [:]), (#"{"a":"b"}"#, ["a": "b"]),
    (
      #"{ "a" : "b" , "c" : 1 ,"d":-2.5e3,"e":true,"f":null}"#,
      ["a": "b", "c": "1", "d": "-2.5e3", "e": "true"]
    ),
    (#"{"a":"\"\\\/\b\f\n\r\té\u00e9\ud83d\ude42ä"}"#, ["a": "\"\\/\u{8}\u{c}\n\r\téé🙂ä"]),
    (#"{"a":""}"#, ["a": ""]),
  ])
  func flatObjects(text: String, members: [String: String]) {
    #expect(FlatJSON.members(Array(text.utf8)) == members)
  }

  @Test(arguments: [
    "", "null", "[]", "{", "}", "{}{}", "{} x", #"{"a"}"#, #"{"a":}"#, #"{"a":"b",}"#, #"{,}"#,
    #"{"a":"b" "c":"d"}"#, #"{a:"b"}"#, #"{'a':'b'}"#, #"{"a":{}}"#, #"{"a":[]}"#, #"{"a":"b"#,
    #"{"a":"\"#, #"{"a":"\x"}"#, #"{"a":"\u12"}"#, #"{"a":"\ud800"}"#, #"{"a":"\udc00"}"#,
    #"{"a":"\ud800\u0041"}"#, #"{"a":"\u+041"}"#, #"{"a":nan}"#, #"{"a":word}"#, "{\"a\":\"\n\"}",
    #"{"a":"1","a":"2"}"#, #"{"a":1e999}"#,
  ])
  func everythingElse(text: String) { #expect(FlatJSON.members(Array(text.utf8)) == nil) }

  @Test func lengthIsBounded() {
    func text(_ count: Int) -> [UInt8] {
      Array(#"{"a":"\#(String(repeating: "x", count: count))"}"#.utf8)
    }
    #expect(FlatJSON.members(text(FlatJSON.mostBytes - 8))?.count == 1)
    #expect(FlatJSON.members(text(FlatJSON.mostBytes - 7)) == nil)
  }

  @Test func whatIsNotUTF8IsRefused() {
    #expect(FlatJSON.members(Array(#"{"a":""#.utf8) + [0xff] + Array(#""}"#.utf8)) == nil)
  }
}

@Suite struct ShellWordsTests {
  @Test(arguments: [
    ("", []), ("  \t ", []), ("a b  c", ["a", "b", "c"]), ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
    (#"a\ b"#, ["a b"]), (#""a\"b\\c\d""#, [#"a"b\c\d"#]), (#"'a\'"#, [#"a\"#]),
    ("'' \"\"", ["", ""]),
    (#"a'b'"c"d"#, ["abcd"]), ("$HOME `x` $(y) *;&|", ["$HOME", "`x`", "$(y)", "*;&|"]),
    ("a\nb", ["a", "b"]), ("\"it's\"", ["it's"]), ("# a", ["#", "a"]),
  ])
  func words(text: String, words: [String]) { #expect(ShellWords.split(text) == words) }

  @Test(arguments: ["'a", "\"a", "a\\", "\"a\\", "'a\""])
  func incompleteCommands(text: String) { #expect(ShellWords.split(text) == nil) }
}

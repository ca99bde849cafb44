import FileTrees
import Testing

@Suite struct GlobTests {
  @Test(arguments: [
    ("*.txt", "a.txt", true), ("*.txt", "d/a.txt", true), ("*.txt", "a.txt/b", false),
    ("/a", "a", true), ("/a", "b/a", false), ("a/b", "x/a/b", true), ("a/b", "xa/b", false),
    ("a*c", "abbbc", true), ("a*c", "ab/c", false), ("a**c", "ab/c", true),
    ("**/c", "c", true), ("**/c", "a/b/c", true), ("a/**/c", "a/c", true),
    ("a/**/c", "a/x/y/c", true), ("a/**", "a/x/y", true), ("a/**", "b/x", false),
    ("**/c", "abc", false), ("/**/c", "x/abc", false), ("a/**/b", "a/xb", false),
    ("a/**/b", "a/q/b", true), ("a/**/b", "a/qb/b", true), ("**/a/**/b", "x/a/y/z/b", true),
    ("**/a/**/b", "xa/b", false), ("**/**/c", "c", true), ("**/*.txt", "d/.txt", true),
    ("x**/c", "xa/b/c", true), ("x**/c", "xc", false), ("a/**/*/d", "a/b/d", true),
    ("a/**/*/d", "a/d", false), ("a/**/b/*c", "a/b/x/b/yc", true),
    ("./a", "a", true), ("./a", "b/a", false),
    ("a?c", "abc", true), ("a?c", "a/c", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false),
    ("[^a-c]x", "dx", true), ("[]a]x", "]x", true), ("[a", "[a", true), ("\\*", "*", true),
    ("\\*", "a", false), ("", "a", false), ("doc/", "doc", true),
    ("*a*a*a*b", "aaaaaaaaaaaa", false),
  ])
  func matches(pattern: String, path: String, expected: Bool) {
    #expect(Glob(Array(pattern.utf8)).matches(Array(path.utf8)[...]) == expected)
  }

  @Test func bytesThatAreNotUTF8Match() {
    #expect(Glob([0xff, UInt8(ascii: "*")]).matches([0xff, 0xfe, 0x80]))
    #expect(Glob([UInt8(ascii: "?")]).matches([0xff]))
  }

  /// Patterns designed to slow down matchers do not.
  @Test(.timeLimit(.minutes(10))) func hostilePatternsEnd() {
    let pattern = Glob(Array(String(repeating: "**a", count: 300).utf8) + [UInt8(ascii: "b")])
    #expect(!pattern.matches([UInt8](repeating: UInt8(ascii: "a"), count: 2000)[...]))
  }
}

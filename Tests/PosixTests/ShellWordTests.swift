import Posix
import TestSupport
import Testing

/// Names in commands that messages tell users to run.
@Suite struct ShellWordTests {
  @Test func theShellReadsTheSameBytes() throws {
    var names: [[UInt8]] = [
      "plain", "/a/b.squash", "", "-x", "a b", "it's", "x'; touch PWNED #.squash", "$(id)", "a\\b",
      "new\nline", "\"", "é", "`x`", "~", "a\u{1b}[0m",
    ].map { Array($0.utf8) }
    names += [[0xff], [0xc3, 0x27, 0x0a]]
    for name in names {
      let word = name.shellWord
      #expect(!word.unicodeScalars.contains { $0.value < 0x20 }, "\(word)")
      let read = try Tool.check(["bash", "-c", "printf %s \(word)"])
      #expect(read.output == name, "\(word)")
    }
  }
}

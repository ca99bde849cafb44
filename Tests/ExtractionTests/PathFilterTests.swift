import TestSupport
import Testing

@testable import Extraction

/// Which files the user named.
@Suite struct PathFilterTests {
  @Test(
    arguments: [
      ([], "a", PathFilter.Answer.inside), (["a"], "a", .inside), (["a"], "b", .outside),
      (["a/b"], "a", .above), (["a/b"], "a/b", .inside), (["a/b"], "a/c", .outside),
      (["a/b"], "ab", .outside), (["/a/./b/"], "a/b", .inside), (["."], "a", .inside),
      (["*.c"], "x.c", .inside), (["*.c"], "d/x.c", .above), (["**/x"], "d/x", .inside),
      (["a[bc]"], "ac", .inside), (["a?"], "ac", .inside), (["a?"], "acd", .above),
      (["a", "a/b"], "a", .inside),
    ] as [([String], String, PathFilter.Answer)])
  func pathsAreAnswered(given: [String], path: String, answer: PathFilter.Answer) {
    var filter = PathFilter(given.map { Array($0.utf8) }) { _ in false }
    #expect(filter.answer(Array(path.utf8), isInside: false) == answer)
    #expect(filter.answer(Array(path.utf8), isInside: true) == .inside)
  }

  /// A path that exists under that very name is not a pattern.
  @Test func aNameIsNoPattern() {
    var filter = PathFilter([Array("a*".utf8)]) { $0 == Array("a*".utf8) }
    #expect(filter.answer(Array("ab".utf8), isInside: false) == .outside)
    #expect(filter.answer(Array("a*".utf8), isInside: false) == .inside)
    #expect(filter.missing == [])
  }

  @Test func whatWasNotMetIsMissing() {
    var filter = PathFilter(["a", "d/x", "*.c"].map { Array($0.utf8) }) { _ in false }
    _ = filter.answer(Array("a".utf8), isInside: false)
    #expect(filter.missing == ["d/x", "*.c"].map { Array($0.utf8) })
    filter.giveUp(below: Array("d".utf8))
    #expect(filter.missing == [Array("*.c".utf8)])
  }

  @Test(arguments: [("d/a/b", true), ("d", true), ("e", false), ("da", false)])
  func aDirectoryTakesAllInIt(path: String, isTaken: Bool) {
    let filter = PathFilter([Array("d".utf8)]) { _ in false }
    #expect(filter.takes(Array(path.utf8)) == isTaken)
  }
}

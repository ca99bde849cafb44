import Manifests
import TestSupport
import Testing

/// The differences between two trees.
@Suite struct ComparisonTests {
  private func lines(
    _ first: [String], _ second: [String], ignoring: Set<Aspect> = [], listsAll: Bool = false
  ) throws -> (common: [String], lines: [String], places: String) {
    let comparison = try TreeComparison(
      DigestedTree(["d . time=1"] + first), DigestedTree(["d . time=1"] + second),
      ignoring: ignoring)
    var summary = DifferenceSummary(comparison, listsAll: listsAll)
    let common = summary.common.map { summary.line($0) }
    var lines: [String] = []
    summary.run { lines.append($0) }
    return (common, lines, summary.places(first: "A", second: "B"))
  }

  @Test(arguments: [
    (["f a 1"], ["f a 1"], []),
    (["f a 1"], ["f a 2"], ["~ a: content"]),
    (["f a 1"], ["f a 12"], ["~ a: size 1 -> 2, content"]),
    (["f a 1"], ["f a 1 mode=755"], ["~ a: mode 0644 -> 0755"]),
    (["f a 1"], ["f a 1 owner=0:0"], ["~ a: owner 1000:1000 -> 0:0"]),
    (
      ["f a 1 time=0"], ["f a 1 time=60"],
      ["~ a: time 1970-01-01T00:00:00Z -> 1970-01-01T00:01:00Z"]
    ),
    (["f a 1"], [], ["- a"]),
    ([], ["d a", "f a/b 1", "f a/c 1"], ["+ a/: 3 files and directories"]),
    (["d a"], [], ["- a/"]),
    (["f a 1"], ["l a -> b"], ["~ a: type file -> link, mode 0644 -> 0777"]),
    (["d a", "f a/b 1"], ["f a x"], ["~ a: type dir -> file, mode 0755 -> 0644", "- a/b"]),
    (["l a -> b"], ["l a -> c"], ["~ a: target b -> c"]),
    (["l a -> b mode=777"], ["l a -> b mode=700"], []),
    (["c a 1,3"], ["c a 1,5"], ["~ a: device 1,3 -> 1,5"]),
    (
      ["f a 1", "h b = a"], ["f a 1", "f b 1"],
      ["~ a: hard links: other names -> none", "~ b: hard links: a -> none"]
    ),
    (
      ["f a 1 x:user.a=1 x:user.b=1"], ["f a 1 x:user.b=2 x:user.c=1"],
      ["~ a: attributes -user.a user.b (value) +user.c"]
    ),
    (["f a\u{7} 1"], ["f b\u{7} 1"], ["- a\\007", "+ b\\007"]),
    // A directory without an entry has made-up attributes.
    (["f d/a 1"], ["d d mode=700", "f d/a 1"], []),
  ])
  func eachDifferenceHasItsLine(first: [String], second: [String], result: [String]) throws {
    let found = try lines(first, second, listsAll: false)
    #expect(found.lines == result)
    #expect(found.common == [])
  }

  @Test(arguments: [
    (Aspect.mode, "f a 1 mode=600"), (.owner, "f a 1 owner=1:1"), (.mtime, "f a 1 time=5"),
    (.xattrs, "f a 1 x:user.a=1"), (.content, "f a 2"),
  ])
  func whatIsIgnoredIsNoDifference(aspect: Aspect, second: String) throws {
    #expect(try lines(["f a 1"], [second]).lines.count == 1)
    #expect(try lines(["f a 1"], [second], ignoring: [aspect]).lines == [])
  }

  /// If a manifest has no digests, contents are not compared, but sizes are.
  @Test func whatOneSideDoesNotTellIsNotCompared() throws {
    let manifest = try DigestedTree(manifest: "#mtree\n. type=dir\n./a type=file size=1\n")
    for (content, result) in [("2", []), ("12", ["size 2 -> 1"])] {
      let tree = try DigestedTree(["f a \(content)"])
      var texts: [String] = []
      TreeComparison(tree, manifest).run { texts.append($0.text) }
      #expect(texts == result)
    }
  }

  private static func files(_ count: Int, _ facts: String) -> [String] {
    (10..<10 + count).map { "f f\($0) x \(facts)" }
  }

  @Test(arguments: [
    (" owner=1:1", " owner=2:2", "owner 1:1 -> 2:2"),
    (" mode=600", " mode=644", "mode 0600 -> 0644"),
    (" time=0", " time=60", "time 1970-01-01T00:00:00Z -> 1970-01-01T00:01:00Z"),
  ])
  func whatNearlyAllHaveInCommonIsSaidOnce(first: String, second: String, text: String) throws {
    let odd = "f odd x"
    let found = try lines(Self.files(30, first) + [odd], Self.files(30, second) + [odd])
    #expect(found.common == ["30 of 32: \(text)"] && found.lines == [])
    let all = try lines(
      Self.files(30, first) + [odd], Self.files(30, second) + [odd], listsAll: true)
    #expect(all.common == [] && all.lines.count == 30)
  }

  @Test(arguments: [
    (7200, "2 hours later"), (-1, "1 second earlier"), (-120, "2 minutes earlier"),
  ])
  func aShiftOfAllTimesIsSaidOnce(seconds: Int, text: String) throws {
    func files(_ shift: Int) -> [String] {
      (0..<30).map { "f f\($0) x time=\(1000 * $0 + 500 + shift)" }
    }
    let found = try lines(files(0), files(seconds))
    #expect(found.common == ["30 of 31: time \(text)"] && found.lines == [])
  }

  @Test func theSumSaysWhereDifferencesAre() throws {
    #expect(
      try lines(["f a 1", "f b 1", "f c 1"], ["f a 2", "f d 1", "f e 1"]).places
        == "1 of the 2 that both have differs; 2 are only in A; 2 are only in B")
  }

  /// The differences found are those that were made.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func randomChangesAreFound(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let first = (0..<60).map { "f d\($0 % 7)/f\($0) \($0)" }
    var (second, expected): ([String], Set<String>) = ([], [])
    for line in first {
      let path = String(line.split(separator: " ")[1])
      switch Int.random(in: 0..<8, using: &random) {
      case 0: expected.insert("- \(path)")
      case 1:
        second.append(line + " mode=600")
        expected.insert("~ \(path): mode 0644 -> 0600")
      case 2:
        second += [line, "f \(path)x"]
        expected.insert("+ \(path)x")
      default: second.append(line)
      }
    }
    let found = try lines(first, second, ignoring: [.mtime], listsAll: true)
    #expect(Set(found.lines) == expected && found.lines.count == expected.count, "seed \(seed)")
  }
}

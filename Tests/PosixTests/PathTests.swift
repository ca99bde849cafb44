import Posix
import TestSupport
import Testing

/// Names, paths below a root and paths of this machine.
@Suite struct PathTests {
  @Test(arguments: ["", "/", "a/b", "a\0", "/a", "a/"])
  func noEntryHasSuchAName(text: String) { #expect(Name(text.utf8) == nil) }

  @Test(arguments: ["/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "a\0b"])
  func aRelativePathHasOneForm(text: String) { #expect(RelativePath(text.utf8) == nil) }

  @Test func aRelativePathIsItsNames() {
    let path: RelativePath = "a/b/c.d"
    #expect(path.names == ["a", "b", "c.d"])
    #expect(path.parent == "a/b" && path.name == "c.d")
    #expect(path.parent.parent.parent == .root && RelativePath.root.parent == .root)
    #expect(RelativePath.root.name == nil && RelativePath.root.names.isEmpty)
    #expect(RelativePath(path.names) == path)
    #expect(RelativePath.root.appending("x" as Name) == "x")
    #expect(path.appending("e/f" as RelativePath) == "a/b/c.d/e/f")
    #expect(path.appending(RelativePath.root) == path)
  }

  /// A path, another, and whether the first is that or below it.
  @Test(arguments: [
    ("/a", "/a", true), ("/a/b", "/a", true), ("/ab", "/a", false), ("/a", "/a/b", false),
    ("/a", "/", true), ("/", "/", true), ("a", "/", false), ("/a/b", "/a/", true),
  ])
  func onlyWholeNamesCount(path: String, folder: String, expected: Bool) {
    #expect(HostPath(path).isAtOrBelow(HostPath(folder)) == expected)
  }

  /// A path, seen from another.
  @Test(arguments: [
    ("/a/b/c", "/a", "b/c"), ("/a", "/a", ""), ("/a//b", "/a", "b"), ("/a/b", "/", "a/b"),
    ("/ab", "/a", nil), ("/a/../b", "/a", nil), ("/b", "/a", nil),
  ])
  func pathsAreSeenFromAFolder(path: String, folder: String, expected: String?) {
    #expect(
      HostPath(path).relative(to: HostPath(folder)) == expected.map { RelativePath($0.utf8)! })
  }

  /// As in dirname(1) and basename(1).
  @Test(arguments: ["/", "//", "/a", "/a/", "a", "a/", "a/b", "/a/b//", "a//b", ".", "/a/."])
  func parentsAreThoseOfDirname(text: String) throws {
    let path = HostPath(text)
    let parent = try Tool.check(["dirname", text]).text
    let name = try Tool.check(["basename", text]).text
    #expect("\(path.lastComponent.escapedName)\n" == name)
    #expect("\(path.parent.escapedName)\n" == parent)
  }

  @Test func whatIsJoinedHasOneSlashBetween() {
    #expect(HostPath.root.appending("a" as Name) == "/a")
    #expect(HostPath("a/").appending("b/c" as RelativePath) == "a/b/c")
    #expect(HostPath("a").appending(RelativePath.root) == "a")
  }

  /// Whatever the bytes, a path is what its names make.
  @Test func anyNamesMakeAPath() throws {
    var random = SeededGenerator(18)
    for _ in 0..<500 {
      let names = (0..<Int.random(in: 0...6, using: &random)).compactMap { _ in
        Name(
          (0..<Int.random(in: 1...4, using: &random)).map { _ in
            UInt8.random(in: 1...255, using: &random)
          })
      }.filter { !$0.isDots }
      let path = RelativePath(names)
      #expect(path.names == names && RelativePath(path.bytes) == path)
      let host = HostPath("/r").appending(path)
      #expect(host.relative(to: "/r") == path)
    }
  }
}

/// Entries of directories and their kinds.
@Suite struct DirectoryStreamTests {
  @Test func listsWhatFindLists() throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "mkdir d; touch f .hidden; ln -s f l; mkfifo p; touch $(printf 'a\\377\\n')"],
      in: folder.root)
    var entries = try DirectoryStream(at: HostPath(folder.root))
    var found: [Name: DirectoryStream.Kind] = [:]
    while let entry = try entries.next() { found[entry.name] = entries.kind(of: entry) }
    #expect(
      found == [
        "d": .directory, "f": .regular, ".hidden": .regular, "l": .link, "p": .other,
        Name([0x61, 0xff])!: .regular,
      ])
  }

  @Test func aMissingDirectoryIsAnError() {
    let error = #expect(throws: SystemError.self) { _ = try DirectoryStream(at: "/nowhere") }
    #expect(error.map { "\($0)" } == "cannot list: No such file or directory")
  }
}

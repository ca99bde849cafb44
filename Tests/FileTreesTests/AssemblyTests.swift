import FileTrees
import TestSupport
import Testing

/// The tree is what `tar -x` would make in an empty directory.
@Suite struct AssemblyTests {
  @Test(arguments: [
    ("the later of two files wins", ["f a 1", "f a 2"], ["f a 2"]),
    ("a file becomes a link", ["f a 1", "l a -> b"], ["l a -> b"]),
    ("a file becomes a directory", ["f a 1", "d a", "f a/b 2"], ["d a", "f a/b 2"]),
    ("an empty directory becomes a file", ["d a", "f a 1"], ["f a 1"]),
    ("a directory may come twice", ["d a", "f a/b 1", "d a"], ["d a", "f a/b 1"]),
    ("missing parents are made", ["f a/b/c 1"], ["d a", "d a/b", "f a/b/c 1"]),
    ("a directory may come after what is in it", ["f a/b 1", "d a"], ["d a", "f a/b 1"]),
    (
      "slashes and dots do not matter", ["f ./a//b 1", "f /c/./d 2"],
      ["d a", "f a/b 1", "d c", "f c/d 2"]
    ),
    (
      "names are bytes, in their order", ["f b 1", "f B 2", "f a~ 3", "f a/x 4"],
      ["f B 2", "d a", "f a/x 4", "f a~ 3", "f b 1"]
    ),
    (
      "all kinds go in", ["b a 8,1", "c b 1,3", "p c", "s d"], ["b a 8,1", "c b 1,3", "p c", "s d"]
    ),
    ("a hard link is a name of a file", ["f a 1", "h b = a"], ["f a 1", "h b = a"]),
    ("a hard link may come before its target", ["h b = c", "f c 1"], ["f b 1", "h c = b"]),
    (
      "hard links lead to each other", ["h a = b", "h b = c", "f c 1"],
      ["f a 1", "h b = a", "h c = a"]
    ),
    (
      "a hard link keeps a file that was replaced", ["f a 1", "h b = a", "f a 2"],
      ["f a 2", "f b 1"]
    ),
    ("a hard link to itself changes nothing", ["f a 1", "h a = a"], ["f a 1"]),
    (
      "a hard link is replaced by a later file", ["f a 1", "h b = a", "f b 2"], ["f a 1", "f b 2"]
    ),
    (
      "a file is replaced by a later hard link", ["f a 1", "f b 2", "h b = a"],
      ["f a 1", "h b = a"]
    ),
    (
      "a waiting hard link loses to a later file", ["h b = a", "f b 2", "f a 1"],
      ["f a 1", "f b 2"]
    ),
    ("a link has several names", ["l a -> x", "h b = a"], ["l a -> x", "h b = a"]),
    ("a fifo has several names", ["p a", "h b = a"], ["p a", "h b = a"]),
    (
      "a hard link's target is found through links", ["d d", "f d/a 1", "l e -> d", "h b = e/a"],
      ["f b 1", "d d", "h d/a = b", "l e -> d"]
    ),
    (
      "a target far up is found as well", ["f a 1", "d d", "l d/up -> ..", "h b = d/up/a"],
      ["f a 1", "h b = a", "d d", "l d/up -> .."]
    ),
  ])
  func treesAreWhatTarMakes(rule: String, entries: [String], result: [String]) throws {
    let lines = try Assembly(entries).lines()
    #expect(lines == result, "\(rule)")
  }

  private static let longName = String(repeating: "n", count: 256)

  @Test(arguments: [
    (["f ../a 1"], "../a: a path with \"..\" could leave the image; repack without it"),
    (["f a/../b 1"], "a/../b: a path with \"..\" could leave the image; repack without it"),
    (["h a = ../b"], "a: a path with \"..\" could leave the image; repack without it"),
    (["f \(longName)"], "\(longName): a name of more than 255 bytes, longer than Linux allows"),
    (["f a\u{0}b"], "a\\000b: a name with a NUL byte"),
    (["f a 1", "f a/b 2"], "a/b: it lies below a, which is not a directory"),
    (["l a -> /etc", "f a/passwd 2"], "a/passwd: it lies below a, which is not a directory"),
    (["f a/b 1", "f a 2"], "a: the archive has a directory with entries of the same name"),
    (["f . 1"], ".: the root of an image must be a directory"),
    (["l a ->"], "a: a symbolic link without a target"),
    (["d a", "h b = a"], "b: a hard link to a directory, a"),
    (["h b = a", "d a"], "b: a hard link to a directory, a"),
    (["h b = a"], "b: a hard link to a, which is not among the entries; the archive is incomplete"),
    (
      ["l d -> x", "h b = d/a"],
      "b: a hard link to d/a, and d on the way is a symbolic link that does not lead there"
    ),
    (
      ["h d/b = a", "f a 1", "d d", "f e 1", "h c = c"],
      "c: a hard link to c, which is not among the entries; the archive is incomplete"
    ),
  ])
  func whatNoImageCanHaveIsRefused(entries: [String], message: String) {
    #expect { try Assembly(entries) } throws: { "\($0)" == message }
  }

  @Test func replacedEntriesAreCountedAndReported() throws {
    let made = try Assembly(["f d/a 1", "f d/a 2", "f d/b 1", "l d/b -> a"])
    #expect(made.notes.replaced.count == 2)
    #expect(
      made.notes.warnings == [
        "2 entries are replaced by later ones of the same name, starting with d/a"
      ])
    #expect(
      made.leftOut == ["d/a", "d/b"].map { "\($0): replaced by a later entry of the same name" })
  }

  @Test func leadingSlashesAreCounted() throws {
    #expect(try Assembly(["d /", "f /a 1", "f b 2"]).notes.leadingSlashes == 1)
  }

  @Test func hardLinksBecomeFilesWhereThatIsWanted() throws {
    let made = try Assembly(["f a 1", "h b = a", "h c = a"]) { $0.separatesHardLinks = true }
    #expect(made.lines() == ["f a 1", "f b 1", "f c 1"])
    #expect(made.notes.warnings == ["2 names of hard links became files of their own"])
  }

  /// The root has an entry, or gets what missing parents get: the newest time of all.
  @Test(arguments: [
    (["d . mode=700 time=5", "f a time=9"], "d . mode=700 time=5"),
    (["f a time=9", "f b time=7"], "d . mode=755 time=9"),
    (["f a/b time=?", "f c time=7"], "d . mode=755 time=7"),
  ])
  func theRootIsWhatItsEntrySays(entries: [String], root: String) throws {
    #expect(try Assembly(entries).lines([.mode, .time], showsRoot: true).first == root)
  }

  /// Linux gives all links these permissions, whatever another system wrote.
  @Test func linksHaveAllPermissions() throws {
    let made = try Assembly(["l a -> b mode=644"]) { $0.modes = ModeChange(parsing: "600") }
    #expect(made.lines([.mode]) == ["l a -> b mode=777"])
  }
}

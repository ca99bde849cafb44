import Posix
import TestSupport
import Testing

@testable import SquashFS

/// Looking paths up in an old image, in any order.
@Suite struct OldPathsTests {
  private let image: Image
  private let folder: TemporaryFolder
  private static let directories = ["", "a/", "a/b/", "a/b/c/", "b/", "z/"]

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "-p", "tree/a/b/c", "tree/b", "tree/z"], in: folder.root)
    // Directories of more than 8 KiB have an index.
    try Tool.check(
      [
        "sh", "-c",
        "for d in '' a/ a/b/ a/b/c/ z/; do for i in $(seq 100 3 1300); do"
          + " : >$d-some-longer-name-$i; done; done",
      ], in: folder.path("tree"))
    try Tool.check([Tool.autosquash, "pack", "tree", "-q", "-o", "i.squash"], in: folder.root)
    image = try Image(ImageInput(path: Array(folder.path("i.squash").utf8)))
  }

  /// Names in and out of order, there and not, gives what looking up each from the root gives.
  @Test(arguments: 0..<4 as Range<UInt64>) func anyOrderFindsTheSame(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    var paths = try OldPaths(image)
    var names = (0..<1500).map { _ in
      let directory = Self.directories.randomElement(using: &random)!
      return "\(directory)-some-longer-name-\(Int.random(in: 90...1310, using: &random))"
    }
    names += ["a", "b", "a/b/c", "nothing", "a/-some-longer-name-100/below", "zz/x", "-"]
    // Mostly in order, as sources have them, or in none.
    if seed < 3 { names.sort { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) } }
    for _ in 0..<(seed * 100) {
      names.swapAt(
        Int.random(in: 0..<names.count, using: &random),
        Int.random(in: 0..<names.count, using: &random))
    }
    var found = 0
    for name in names {
      let expected = try? image.lookup(Array(name.utf8), followsLast: false).get().reference
      #expect(try paths.find(Array(name.utf8)[...])?.reference == expected, "\(name)")
      found += expected == nil ? 0 : 1
    }
    #expect(found > 300 && found < 1000)
  }
}

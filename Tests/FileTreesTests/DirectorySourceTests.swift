import FileTrees
import Glibc
import Posix
import TestSupport
import Testing

/// Directories of a temporary folder.
@Suite struct DirectorySourceTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func make(_ script: String) throws {
    try Tool.check(["sh", "-ec", script], in: folder.root)
  }

  private func read(
    _ path: String = "", facts: Set<Fact> = [],
    _ change: (inout DirectorySource.Options) -> Void = { _ in },
    assembly: (inout TreeAssembler.Options) -> Void = { _ in }
  ) throws -> Assembly {
    var options = DirectorySource.Options()
    change(&options)
    let source = DirectorySource(
      path: Array((path.isEmpty ? folder.root : folder.path(path)).utf8), options: options)
    return try Assembly {
      $0.ownership.owner = .keep
      assembly(&$0)
    } read: {
      try source.read(into: $0)
    }
  }

  @Test func allThatADirectoryHoldsIsRead() throws {
    try make(
      """
      mkdir d; printf hello >d/f; ln d/f d/h; ln -s nowhere l; mkfifo p; chmod 4750 d/f; chmod 700 d
      touch -d @7 d/f; touch -d @8 p
      """)
    #expect(
      try read().lines() == ["d d", "f d/f hello", "h d/h = d/f", "l l -> nowhere", "p p"])
    #expect(
      try read(facts: [.mode, .time]).lines([.mode, .time]).filter { !$0.hasPrefix("d") }.prefix(2)
        == ["f d/f hello mode=4750 time=7", "h d/h = d/f mode=4750 time=7"])
  }

  @Test func holesAreZeros() throws {
    try make("truncate -s 200000 f; printf x >>f; truncate -s 300000 f")
    let made = try read()
    #expect(
      made.contents == [
        [UInt8](repeating: 0, count: 200_000) + [UInt8(ascii: "x")]
          + [UInt8](repeating: 0, count: 99_999)
      ])
  }

  @Test func attributesComeAlong() throws {
    // Not every temporary folder's file system supports them.
    guard (try? make("touch f; setfattr -n user.note -v yes f")) != nil else { return }
    #expect(try read().lines([.xattrs]) == ["f f x:user.note=yes"])
  }

  @Test func whatLinksLeadToGoesInWhereThatIsWanted() throws {
    try make("mkdir d; printf hello >d/f; ln -s d e; ln -s d/f g")
    #expect(
      try read { $0.dereferences = true }.lines() == [
        "d d", "f d/f hello", "d e", "h e/f = d/f", "h g = d/f",
      ])
  }

  @Test(arguments: [
    (
      "ln -s . d", "d",
      "contains itself, through a link above it|is a link to ., a directory that contains it"
    ),
    ("mkdir d; ln -s .. d/up", "d/up", "is a link to .., a directory that contains it"),
    ("ln -s nowhere l", "l", "is a link to nowhere, which does not exist"),
  ])
  func linksThatCannotBeFollowedAreNamed(script: String, path: String, cause: String) throws {
    try make(script)
    #expect {
      try read { $0.dereferences = true }
    } throws: { error in
      guard let error = error as? SourceError else { return false }
      return error.path == Array(folder.path(path).utf8)
        && cause.split(separator: "|").contains { error.cause == $0 }
    }
  }

  @Test func whatIsSkippedIsNotThere() throws {
    try make("printf 1 >a; printf 2 >b")
    let skipped = stat(at: HostPath(folder.path("a")))!.identity
    #expect(try read { $0.skipped = [skipped] }.lines() == ["f b 2"])
  }

  /// An excluded directory is not even opened.
  @Test func exclusionsHoldBeforeFilesAreOpened() throws {
    try make("mkdir d; printf 1 >d/f; printf 2 >g")
    let made = try read {
      _ in
    } assembly: {
      $0.selection.excludes = [SelectionPattern(Glob(Array("d".utf8)), .exclude)]
    }
    #expect(made.lines() == ["f g 2"])
    #expect(made.leftOut == ["d: --exclude d"] && made.contents.count == 1)
  }

  @Test(arguments: [
    ("nothing", "cannot open: No such file or directory"), ("f", "cannot open: Not a directory"),
  ])
  func whatIsNoDirectoryIsRefused(path: String, cause: String) throws {
    try make("touch f")
    #expect {
      try read(path)
    } throws: {
      ($0 as? SourceError)?.cause == cause
    }
  }

  /// A directory source and an archive source agree on the same tree.
  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func aDirectoryIsWhatItsArchiveIs(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    var script = "mkdir -p t; cd t"
    for number in 0..<12 {
      let parent = ["", "a/", "a/b/"].randomElement(using: &random)!
      script += "; mkdir -p ./\(parent)"
      switch Int.random(in: 0..<4, using: &random) {
      case 0: script += "; ln -s x\(number) \(parent)l\(number)"
      case 1: script += "; mkfifo \(parent)p\(number)"
      case 2: script += "; printf one >\(parent)f\(number); ln \(parent)f\(number) h\(number)"
      default: script += "; printf \(number) >\(parent)f\(number)"
      }
    }
    try make(script)
    try make("tar --sort=name -cf t.tar -C t .")
    let source = try ArchiveSource(path: Array(folder.path("t.tar").utf8))
    let archive = try Assembly {
      $0.ownership.owner = .keep
    } read: {
      try source.read(into: $0)
    }
    #expect(
      try read("t").lines([.mode, .owner, .time]) == archive.lines([.mode, .owner, .time]),
      "seed \(seed)")
  }
}

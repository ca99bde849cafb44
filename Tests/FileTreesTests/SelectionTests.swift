import FileTrees
import TestSupport
import Testing

/// What is packed, and where.
@Suite struct SelectionTests {
  private static let source = [
    "d top", "d top/bin", "f top/bin/run 1", "f top/notes.txt 2", "d top/lib", "f top/lib/a.o 3",
  ]

  /// Options in a form for tables.
  struct Choice: Sendable {
    var prefix = ""
    var root = ""
    var excludes: [String] = []
    var includes: [String] = []
    var stripped: Int?
    /// Whether the source is an archive, whose single top directory becomes the root.
    var isArchive = false

    func apply(to options: inout TreeAssembler.Options) {
      func components(_ path: String) -> [[UInt8]] {
        Selection.components(ofUserPath: Array(path.utf8))!
      }
      options.selection.prefix = components(prefix)
      options.selection.rootBecomes = components(root)
      options.selection.excludes = excludes.map {
        SelectionPattern(Glob(Array($0.utf8)), .exclude)
      }
      options.selection.includes = includes.map {
        SelectionPattern(Glob(Array($0.utf8)), .include)
      }
      if let stripped { options.selection.stripping = .components(stripped) }
      options.stripsSingleTop = isArchive
    }
  }

  private static let all = [
    "d bin", "f bin/run 1", "d lib", "f lib/a.o 3", "f notes.txt 2",
  ]

  @Test(arguments: [
    (Choice(), source.sorted { $0.dropFirst(2) < $1.dropFirst(2) }),
    (Choice(isArchive: true), all),
    (Choice(stripped: 1), all),
    (Choice(stripped: 2), ["f a.o 3", "f run 1"]),
    (Choice(stripped: 0, isArchive: true), source.sorted { $0.dropFirst(2) < $1.dropFirst(2) }),
    (Choice(root: "top/bin"), ["f run 1"]),
    (Choice(root: "bin", isArchive: true), ["f run 1"]),
    (Choice(root: "bin", stripped: 1), ["f run 1"]),
    (
      Choice(prefix: "opt/x", isArchive: true),
      [
        "d opt", "d opt/x", "d opt/x/bin", "f opt/x/bin/run 1", "d opt/x/lib", "f opt/x/lib/a.o 3",
        "f opt/x/notes.txt 2",
      ]
    ),
    (Choice(prefix: "x", root: "top/lib"), ["d x", "f x/a.o 3"]),
    (
      Choice(excludes: ["*.o"], isArchive: true),
      ["d bin", "f bin/run 1", "d lib", "f notes.txt 2"]
    ),
    (Choice(excludes: ["/lib"], isArchive: true), ["d bin", "f bin/run 1", "f notes.txt 2"]),
    (Choice(excludes: ["/run"], isArchive: true), all),
    (Choice(includes: ["*.txt"], isArchive: true), ["f notes.txt 2"]),
    (Choice(includes: ["/bin"], isArchive: true), ["d bin", "f bin/run 1"]),
    (Choice(excludes: ["run"], includes: ["bin"], isArchive: true), ["d bin"]),
  ])
  func entriesAreChosenByTheirPaths(choice: Choice, result: [String]) throws {
    let lines = try Assembly(Self.source, choice.apply).lines()
    #expect(lines == result, "\(choice)")
  }

  @Test(arguments: [
    (
      Choice(excludes: ["*.txt", "*.o"], isArchive: true),
      ["top/notes.txt: --exclude *.txt", "top/lib/a.o: --exclude *.o"]
    ),
    (Choice(excludes: ["/lib"], isArchive: true), ["top/lib: --exclude /lib"]),
    (
      Choice(includes: ["run"], isArchive: true),
      ["top/notes.txt: no --include matches", "top/lib/a.o: no --include matches"]
    ),
    (
      Choice(root: "top/bin"),
      ["top/notes.txt", "top/lib"].map { "\($0): not below --root-becomes or --strip-components" }
    ),
  ])
  func whatIsLeftOutIsReported(choice: Choice, reports: [String]) throws {
    let made = try Assembly(Self.source, choice.apply)
    #expect(made.leftOut == reports)
    #expect(made.notes.leftOut == reports.count)
  }

  @Test(arguments: [
    (Choice(excludes: ["*.c"]), ["--exclude *.c matches nothing"]),
    (
      Choice(excludes: ["/top/lib"], isArchive: true),
      ["--exclude /top/lib matches nothing: patterns begin at the image's root; /lib would match"]
    ),
    (
      Choice(excludes: ["x/y"], includes: ["bin"], isArchive: true),
      ["--exclude x/y matches nothing"]
    ),
    (
      Choice(root: "top", isArchive: true),
      ["--root-becomes top matches nothing: top/ is the image's root already"]
    ),
    (
      Choice(root: "top/bin", isArchive: true),
      ["--root-becomes top/bin matches nothing: it begins at the image's root; bin would match"]
    ),
    (
      Choice(prefix: "p", excludes: ["p/bin"]),
      ["--exclude p/bin matches nothing: patterns begin below --prefix"]
    ),
  ])
  func mistakesAreNamed(choice: Choice, warnings: [String]) throws {
    #expect(try Assembly(Self.source, choice.apply).notes.mistakes == warnings)
  }

  /// An archive has a single top directory if all entries lie in it and it has no other top.
  @Test(arguments: [
    (["f t/a 1", "f t/b 2"], ["f a 1", "f b 2"]),
    (["f t/a 1", "f u/b 2"], ["d t", "f t/a 1", "d u", "f u/b 2"]),
    (["f t/a 1", "f b 2"], ["f b 2", "d t", "f t/a 1"]),
    (["d .", "f t/a 1"], ["d t", "f t/a 1"]),
    (["f ./t/a 1", "f t/b 2"], ["f a 1", "f b 2"]),
    (["d t"], []),
    (["f a 1"], ["f a 1"]),
  ])
  func onlyASingleTopBecomesTheRoot(entries: [String], result: [String]) throws {
    #expect(try Assembly(entries) { $0.stripsSingleTop = true }.lines() == result)
  }

  @Test(
    arguments: [
      ("a/b", ["a", "b"]), ("/a/./b/", ["a", "b"]), ("", []), ("/", []), ("..", nil),
      ("a/../b", nil),
    ] as [(String, [String]?)])
  func pathsOfUsersAreTakenApart(path: String, components: [String]?) {
    let found = Selection.components(ofUserPath: Array(path.utf8))
    #expect(found?.map { String(decoding: $0, as: UTF8.self) } == components)
  }

  /// Files get their positions from the list, through the nearest directory in it.
  @Test func theOrderOfAListIsFollowed() throws {
    let order = AccessOrder(parsing: Array("b\nc/d\nb\n/a\n".utf8))
    #expect(order.paths.map { String(decoding: $0, as: UTF8.self) } == ["b", "c/d", "a"])
    let made = try Assembly(["f a 1", "f b 2", "f e 3"]) { $0.order = order }
    #expect(made.notes.warnings == ["1 path of --order matches no packed file"])
  }
}

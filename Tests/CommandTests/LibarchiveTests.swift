import TestSupport
import Testing

/// libarchive is loaded only for archives; without it, all else works.
@Suite struct LibarchiveTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir tree; echo text >tree/file; tar -cf a.tar -C tree .; gzip -k a.tar
        cp a.tar b.tar; compress -f b.tar; mv b.tar.Z a.tar.Z; (cd tree; zip -q ../a.zip file)
        '\(Tool.autosquash)' pack tree -o i.squash -q; cp i.squash r.squash
        '\(Tool.autosquash)' manifest i.squash >i.mtree
        """,
      ], in: folder.root)
  }

  private static let forImages: [[String]] = [
    ["info", "i.squash"], ["info", "i.squash", "file"], ["info", "--json", "i.squash"],
    ["ls", "i.squash"], ["ls", "-lR", "i.squash"], ["cat", "i.squash", "file"],
    ["verify", "i.squash"], ["verify", "--against", "tree", "i.squash"],
    ["extract", "i.squash", "-o", "out"], ["diff", "i.squash", "tree"], ["manifest", "i.squash"],
    ["pack", "tree", "-o", "new.squash"], ["--help"], ["--version"],
  ]

  private static let forArchives: [[String]] = [
    ["pack", "a.tar", "-o", "new.squash"], ["pack", "a.tar.gz", "-o", "new.squash"],
    ["pack", "a.tar.Z", "-o", "new.squash"], ["pack", "a.zip", "-o", "new.squash"],
    ["verify", "--against", "a.tar", "i.squash"], ["diff", "i.squash", "a.tar"],
    ["diff", "i.squash", "i.mtree"], ["verify", "--manifest", "i.mtree", "i.squash"],
    ["manifest", "a.tar"], ["extract", "i.squash", "--to-tar", "new.tar"],
  ]

  @Test(arguments: forImages)
  func imagesDoNotLoadIt(arguments: [String]) throws {
    let result = try run(arguments, ["LD_DEBUG": "files"])
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.errors.contains("libc.so.6"))
    #expect(!result.errors.contains("libarchive"))
  }

  @Test(arguments: forArchives)
  func archivesLoadIt(arguments: [String]) throws {
    let result = try run(arguments, ["LD_DEBUG": "files"])
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.errors.contains("libarchive.so.13"))
  }

  @Test(arguments: forImages)
  func imagesDoWithoutIt(arguments: [String]) throws {
    try breakLibrary()
    let result = try run(arguments, ["LD_LIBRARY_PATH": folder.path("lib")])
    #expect(result.status == 0, "\(result.summary)")
  }

  /// The error names the archive, the library and its package.
  @Test(arguments: forArchives)
  func archivesNeedIt(arguments: [String]) throws {
    try breakLibrary()
    let result = try run(arguments, ["LD_LIBRARY_PATH": folder.path("lib")])
    let file = arguments.first { $0.hasPrefix("a.") || $0 == "i.mtree" || $0 == "new.tar" }!
    #expect(
      result.errors == """
        autosquash: \(file): archives need libarchive, which cannot be loaded \
        (\(folder.path("lib/libarchive.so.13")): file too short); \
        on Debian, "apt-get install libarchive13" installs it

        """)
    #expect(result.status == 2 && result.output.isEmpty, "\(result.summary)")
    #expect(!folder.exists("new.squash") && !folder.exists("new.tar"))
  }

  /// Another library under its name is not called.
  @Test func otherLibrariesAreRefused() throws {
    try Tool.check(
      ["sh", "-ec", "mkdir lib; ln -s \"$(gcc -print-file-name=libm.so.6)\" lib/libarchive.so.13"],
      in: folder.root)
    let result = try run(
      ["pack", "a.tar", "-o", "new.squash"], ["LD_LIBRARY_PATH": folder.path("lib")])
    #expect(result.status == 2, "\(result.summary)")
    #expect(result.errors.contains("cannot be loaded (") && result.errors.contains("archive_"))
  }

  private func run(_ arguments: [String], _ environment: [String: String]) throws -> Tool.Result {
    try Tool.run([Tool.autosquash] + arguments, in: folder.root, environment: environment)
  }

  /// Has the linker find an empty file first.
  private func breakLibrary() throws {
    try Tool.check(["mkdir", "lib"], in: folder.root)
    try folder.write("lib/libarchive.so.13", [])
  }
}

import Glibc
import Posix
import TestSupport
import Testing

/// Operations on names in an open directory, and below the root of another system, while somebody
/// puts links in their way.
@Suite struct FolderTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try sh("mkdir -p root/a/b outside; echo secret > outside/file; echo mine > root/a/b/file")
  }

  private func sh(_ script: String) throws {
    try Tool.check(["sh", "-ec", script], in: folder.root)
  }

  private func bytes(_ path: String) -> [UInt8] { Array(path.utf8) }

  private func host(_ path: String) -> HostPath { HostPath(folder.path(path)) }

  private func open(_ path: String) throws -> Folder {
    try Folder(at: host(path))
  }

  /// The directory becomes a link just after it was opened.
  @Test func anOpenFolderIsNotLedElsewhere() throws {
    let opened = try SystemRoot(below: host("root")).open("/a/b")
    try sh("mv root/a/b moved; ln -s $PWD/outside root/a/b")
    #expect(try SmallFile.read("file", in: opened, limit: 100) == bytes("mine\n"))
    try SmallFile.write(bytes("new"), to: "written", in: opened, mode: 0o644)
    try SmallFile.write(bytes("again"), to: "written", in: opened, mode: 0o644)
    try opened.makeFolder("made")
    #expect(try opened.open("made").names() == [])
    #expect(
      try opened.names().sorted() == ["file", "made", "written"])
    try opened.remove("file")
    #expect(try opened.look("file") == nil)
    // An abandoned file, and one that needs a name before it is complete.
    do { _ = try AtomicFile("given up", in: opened, replacing: true) }
    #expect(folder.names(in: "outside") == ["file"])
    #expect(folder.names(in: "moved") == ["made", "written"])
    #expect(try folder.read("moved/written") == bytes("again"))
  }

  /// Each case: what is at `a` in another system; nothing below it leads out.
  @Test(arguments: ["$PWD/outside", "../outside", "/", "b", "."])
  func linksInAnotherSystemAreRefused(target: String) throws {
    let root = try SystemRoot(below: host("root"))
    try sh("mv root/a aside; ln -s \(target) root/a; mkdir root/b; ln -s ../outside root/b/link")
    func refuses(_ body: () throws -> Void) {
      let error = #expect(throws: SystemError.self) { try body() }
      #expect(error?.code == ELOOP && error?.path == host("root/a").bytes)
    }
    for path: HostPath in ["/a/file", "/a/b/c"] {
      refuses { _ = try root.read(path, limit: 100) }
      refuses { _ = try root.has(path) }
      refuses { try root.write([], to: path, mode: 0o644) }
      refuses { try root.link(path, to: bytes("/x")) }
      refuses { try root.remove(path) }
      refuses { _ = try root.open(path, makesMissing: true) }
      refuses { _ = try root.openIfThere(path) }
    }
    // A final link is neither read nor written through; it can be replaced and removed.
    try sh("ln -s ../outside/file root/b/file")
    #expect(throws: SystemError.self) { try root.read("/b/file", limit: 100) }
    try root.write(bytes("x"), to: "/b/file", mode: 0o644)
    try root.remove("/b/link")
    #expect(folder.names(in: "root/b") == ["file"])
    #expect(try folder.read("outside/file") == bytes("secret\n"))
    #expect(folder.names(in: "outside") == ["file"])
  }

  @Test func pathsDoNotClimbOutOfAnotherSystem() throws {
    let root = try SystemRoot(below: host("root//"))
    #expect(!root.isRunning && root.place("/x") == host("root/x"))
    #expect(throws: SystemError.self) { try root.open("/a/../../outside") }
    #expect(throws: SystemError.self) { try root.write([], to: "/../f", mode: 0o644) }
    #expect(folder.names == ["outside", "root"])
    #expect(try SystemRoot(below: "//").isRunning)
  }

  /// A path without a name stays inside as well.
  @Test func theRootOfAnotherSystemIsItsOwn() throws {
    let root = try SystemRoot(below: host("root"))
    #expect(try root.look("/")?.identity == stat(at: host("root"))?.identity)
  }

  /// In the running system links mean what they always do.
  @Test func theRunningSystemIsFollowed() throws {
    let root = try SystemRoot.running()
    try sh("mv root/a outside/a; ln -s ../outside/a root/a; ln -s ../../../outside/file root/a/b/l")
    #expect(try root.read(host("root/a/b/file"), limit: 100) == bytes("mine\n"))
    try root.write(bytes("kept elsewhere"), to: host("root/a/b/l"), mode: 0o644)
    #expect(try folder.read("outside/file") == bytes("kept elsewhere"))
  }

  @Test func madeFoldersHaveTheirModeWhateverTheUmask() throws {
    let opened = try open("root")
    try opened.makeFolder("new")
    try sh("chmod 700 root/a")
    try opened.makeFolder("a")
    let modes = try Tool.check(["stat", "-c", "%a", "root/new", "root/a"], in: folder.root)
    #expect(modes.text == "755\n700\n")
  }

  /// Each case: whether others could redirect the path or change its contents.
  @Test(arguments: [
    ("true", nil), ("chmod 775 root", "root"), ("chmod 757 root/a/b", "root/a/b"),
    ("chown 1234 root/a", "root/a"), ("chmod 1777 root", nil),
    // What is in a sticky directory must be root's itself, and the last one is changed by names.
    ("chmod 1777 root; chown 1234 root/a", "root/a"), ("chmod 1777 root/a/b", "root/a/b"),
    ("mv root/a x; ln -s ../x root/a", nil), ("mv root/a x; ln -s $PWD/x root/a", nil),
    ("mv root/a x; ln -s ../x root/a; chown -h 1234 root/a", "root/a"),
    ("mkdir y; chmod 777 y; mv root/a y/a; ln -s ../y/a root/a", "y"),
    ("mv root/a x; ln -s ./../root/.././x root/a; chmod 777 x", "x"),
    ("rm -r root/a", nil), ("rm -r root/a; ln -s a root/a", "root/a"),
  ])
  func privatePathsAreRootsAllTheWay(change: String, expected: String?) throws {
    try sh(change)
    var found: HostPath?
    do { try PrivatePath.check(host("root/a/b")) } catch { found = error.path }
    #expect(found == expected.map { host($0) })
  }
}

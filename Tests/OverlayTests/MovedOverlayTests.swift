import Posix
import TestSupport
import Testing

/// The bucket is now mounted at another place.
@Suite struct MovedOverlayTests: OverlaySuite {
  let folder: TemporaryFolder

  init() throws {
    folder = try Self.makeFolder()
    try sh("mkdir -p over/new/deep; echo x > over/new/deep/file")
    let result = try overlay("link")
    #expect(result.text.hasPrefix("4 links made, 3 directories made"))
  }

  /// An overlay command for the new place.
  private func now(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(
      [
        Tool.autosquash, "overlay", arguments[0], "--overlay", folder.path("bucket"), "--root",
        folder.path("root"),
      ] + arguments.dropFirst())
  }

  private func target(_ path: String) throws -> String {
    try sh("readlink root/\(path) || true").replacing(folder.root, with: "F").replacing(
      "\n", with: "")
  }

  /// What remains of the old place: nothing, an empty mount point, another name of the new one.
  @Test(arguments: [
    "mv over bucket", "mv over bucket; mkdir over", "mv over bucket; ln -s bucket over",
  ])
  func linksGoWithTheBucket(move: String) throws {
    try sh(move)
    let check = try now("check")
    #expect(
      check.status == 1
        && check.text.contains("/top: would move, it pointed to \(folder.path("over/top"))\n"),
      "\(check.summary)")
    #expect(check.text.hasSuffix("would change: 4 links moved\n"))
    #expect(try target("top") == "F/over/top")
    let moved = try now("link", "--json")
    #expect(moved.status == 0, "\(moved.summary)")
    #expect(
      moved.text.contains(
        #"{"path": "/top", "action": "moved", "target": "\#(folder.path("over/top"))"}"#))
    #expect(moved.text.contains(#""corrected": 0, "moved": 4,"#), "\(moved.text)")
    #expect(
      try target("home/training/my_course/reads.fq") == "F/bucket/home/training/my_course/reads.fq")
    for command in ["link", "check"] {
      let again = try now(command)
      #expect(
        again.status == 0 && again.text == "nothing to change; 4 links are right\n",
        "\(again.summary)")
    }
    // The directories are still remembered as made.
    #expect(try now("prune").text == "nothing to change\n")
    try sh("rm -r bucket/new")
    #expect(try now("prune").text.hasSuffix("1 stale link removed, 2 directories removed\n"))
    #expect(try look("new") == "nothing")
  }

  /// Each case: what is at a path whose file the overlay has, and whether it is updated.
  @Test(arguments: [
    ("ln -s $OLD/top $ROOT/top", true), ("ln -s $OLD/other $ROOT/top", false),
    ("ln -s $OLD/new/deep/file $ROOT/top", false), ("ln -s ${OLD}x/top $ROOT/top", false),
    ("ln -s $OLD/../over/top $ROOT/top", false),
    ("ln -s $OLD/top $ROOT/top; chown -h 1234 $ROOT/top", false),
  ])
  func othersLinksStay(link: String, isMoved: Bool) throws {
    try sh("rm root/top; OLD=$PWD/over ROOT=$PWD/root; \(link); mv over bucket")
    let before = try target("top")
    let linked = try now("link")
    #expect(linked.status == (isMoved ? 0 : 1), "\(linked.summary)")
    #expect(linked.text.contains(isMoved ? "4 links moved" : "3 links moved"), "\(linked.summary)")
    #expect(try target("top") == (isMoved ? "F/bucket/top" : before))
    try sh("rm bucket/top")
    #expect(try now("prune").status == 0)
    if !isMoved { #expect(try target("top") == before) }
  }

  /// A directory in which no links were made.
  @Test func linksElsewhereStay() throws {
    try sh(
      "ln -s $PWD/over/etc/f root/etc-f; mv over bucket; mkdir -p root/etc; echo x > bucket/etc/f")
    try sh("ln -s $PWD/over/etc/f root/etc/f")
    let linked = try now("link")
    #expect(linked.status == 1 && linked.errors.contains("/etc/f: a link to "), "\(linked.summary)")
  }

  @Test func filesThatAreGoneArePruned() throws {
    try sh("mv over bucket; rm -r bucket/new bucket/home/training/my_course/genome.fa")
    let check = try now("check")
    #expect(
      check.text.hasSuffix("would change: 2 links moved, 2 stale links removed\n"),
      "\(check.summary)")
    // prune alone leaves link's work to link.
    let pruned = try now("prune")
    #expect(
      pruned.text.hasSuffix("2 stale links removed, 2 directories removed\n"), "\(pruned.summary)")
    #expect(try target("top") == "F/over/top")
    #expect(try look("home/training/my_course/genome.fa") == "nothing")
    #expect(try look("new") == "nothing")
    #expect(try now("link").text == "2 links moved\n")
    #expect(try now("prune").text == "nothing to change\n")
  }

  /// Two overlays of one tree do not remove each other's links, unless a user says so.
  @Test func anOverlayThatIsStillThereKeepsItsLinks() throws {
    try sh("cp -r over bucket")
    let refused = try now("link")
    #expect(
      refused.status == 1
        && refused.errors.contains("--was \(folder.path("over")) moves the link"),
      "\(refused.summary)")
    #expect(try target("top") == "F/over/top")
    let moved = try now("link", "--was", folder.path("over"))
    #expect(moved.text == "4 links moved\n" && moved.status == 0, "\(moved.summary)")
  }

  @Test func whatIsNotRememberedCanBeSaid() throws {
    try sh("mv over bucket; rm -r root/var/lib/autosquash bucket/home/training/my_course/reads.fq")
    #expect(try now("link").status == 1)
    #expect(try now("link", "--was", "relative").status == 1)
    #expect(try now("link", "--was", folder.path("over")).text == "3 links moved\n")
    let pruned = try now("prune", "--was", folder.path("over"))
    #expect(pruned.text.hasSuffix("1 stale link removed\n"), "\(pruned.summary)")
    #expect(try now("check").status == 0)
  }

  /// A file has become a directory: no path leads through the old link.
  @Test func filesThatBecameDirectoriesAreEntered() throws {
    try sh("mv over bucket; rm bucket/top; mkdir bucket/top; echo x > bucket/top/file")
    let linked = try now("link")
    #expect(linked.status == 0, "\(linked.summary)")
    #expect(try target("top/file") == "F/bucket/top/file")
    #expect(try look("top") == "directory")
    #expect(try sh("ls root") == "home\nnew\ntop\nvar\n")
  }
}

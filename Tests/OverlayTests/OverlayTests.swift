import Glibc
import Posix
import TestSupport
import Testing

/// `autosquash overlay link`, `check` and `prune`.
@Suite struct OverlayTests: OverlaySuite {
  let folder: TemporaryFolder

  init() throws { folder = try Self.makeFolder() }

  @Test func filesAreLinkedAndDirectoriesAreReal() throws {
    let first = try overlay("link")
    #expect(first.status == 0, "\(first.summary)")
    #expect(first.text == "3 links made, 1 directory made\n")
    #expect(try look("home/training/my_course/genome.fa") == "O/home/training/my_course/genome.fa")
    #expect(try look("top") == "O/top")
    #expect(try look("home/training/my_course") == "directory")
    // No directory is made that would hold no file.
    #expect(try look("etc") == "nothing")
    #expect(try sh("cat root/home/training/my_course/reads.fq") == "reads\n")
    try sh("echo new > root/home/training/my_course/results.txt")
    let second = try overlay("link")
    #expect(second.text == "nothing to change; 3 links are right\n" && second.status == 0)
    let check = try overlay("check")
    #expect(check.text == "nothing to change; 3 links are right\n" && check.status == 0)
  }

  @Test func madeDirectoriesAreAsTheirParents() throws {
    try sh("chown 1234:2345 root/home/training; chmod 2750 root/home/training; umask 077")
    try sh("mkdir -p over/home/training/a/b; echo x > over/home/training/a/b/c")
    #expect(try overlay("link").status == 0)
    for path in ["a", "a/b", "my_course"] {
      #expect(
        try sh("stat -c '%u %g %a' root/home/training/\(path)") == "1234 2345 2750\n", "\(path)")
    }
    #expect(try sh("stat -c %u root/home/training/a/b/c") == "0\n")
  }

  /// Each case: what exists before, what exists after `link`, and a part of the output.
  @Test(arguments: [
    ("ln -s $OVER/top $ROOT/top", "O/top", "right", 0),
    ("ln -s $OVER/etc/old $ROOT/top", "O/top", "corrected", 0),
    ("ln -s $OVER/home/training/my_course/genome.fa $ROOT/top", "O/top", "corrected", 0),
    ("ln -s $OVER/../secret $ROOT/top", "O/../secret", "a link to ", 1),
    ("ln -s /etc/passwd $ROOT/top", "/etc/passwd", "a link to /etc/passwd is in the way", 1),
    ("ln -s ${OVER}x/top $ROOT/top", "Ox/top", "is in the way", 1),
    (
      "echo my own data > $ROOT/top", "O/top", "replaced a file of 12 bytes, the overlay's has 4", 0
    ),
    ("echo top > $ROOT/top", "O/top", "replaced a file of 4 bytes\n", 0),
    ("mkdir $ROOT/top", "directory", "a directory is in the way", 1),
    ("mkfifo $ROOT/top", "fifo", "a device, pipe or socket is in the way", 1),
    ("echo mine > $ROOT/top; : > $OVER/top", "regular file", "the overlay's is empty", 1),
    (": > $ROOT/top; : > $OVER/top", "O/top", "replaced a file of 0 bytes\n", 0),
    (
      "echo mine > $ROOT/top; rm $OVER/top; ln -s nowhere $OVER/top", "regular file",
      "the overlay's cannot be read", 1
    ),
    ("echo x > $ROOT/home/training/my_course", "O/top", "exists and is not a directory", 1),
  ])
  func whatIsInTheWay(before: String, after: String, said: String, status: Int32) throws {
    try sh("OVER=$PWD/over ROOT=$PWD/root; \(before)")
    let was = try Snapshot(of: folder.path("root"))
    let dry = try overlay("link", "--dry-run", "--verbose")
    #expect(dry.status == status, "\(dry.summary)")
    #expect(try Snapshot(of: folder.path("root")).differences(from: was) == [])
    let linked = try overlay("link", "--verbose")
    #expect(linked.status == status, "\(linked.summary)")
    #expect((linked.text + linked.errors).contains(said), "\(linked.summary)")
    #expect(try look("top") == after)
    // Everything else is done.
    if !before.contains("my_course") {
      #expect(try look("home/training/my_course/reads.fq").hasPrefix("O/"))
    }
    #expect(try overlay("check").status == status)
  }

  @Test func whatIsReplacedCanBeKept() throws {
    try sh(
      """
      mkdir root/home/training/my_course; echo precious > root/home/training/my_course/genome.fa
      chmod 640 root/home/training/my_course/genome.fa
      chown 1234:2345 root/home/training/my_course/genome.fa
      """)
    let linked = try overlay("link", "--backup", folder.path("kept"))
    #expect(linked.status == 0, "\(linked.summary)")
    #expect(
      try sh(
        "cd kept/home/training/my_course; cat genome.fa; stat -c '%u %g %a' genome.fa")
        == "precious\n1234 2345 640\n")
    // On another file system it is a copy.
    try sh(
      """
      rm root/top; echo more > root/top; mkdir shm; mount -t tmpfs none shm
      """)
    defer { _ = try? Tool.run(["umount", "-l", folder.path("shm")]) }
    #expect(try overlay("link", "--backup", folder.path("shm/kept")).status == 0)
    #expect(try sh("cat shm/kept/top") == "more\n")
    // A file in the backup is not lost: the new one stays where it is.
    try sh("rm root/top; echo again > root/top")
    let refused = try overlay("link", "--backup", folder.path("shm/kept"))
    #expect(refused.status == 1 && refused.errors.contains("File exists"), "\(refused.summary)")
    #expect(try sh("cat root/top shm/kept/top") == "again\nmore\n")
  }

  @Test func namesAreBytes() throws {
    let names: [[UInt8]] = [
      [0xff], [0x0a], Array("new\nline".utf8), Array(" ".utf8), [0x01, 0xe9],
    ]
    for name in names {
      for path in [name, name + Array("d/".utf8) + name] {
        let full = Array(folder.path("over/").utf8) + path
        let parent = Array(full[..<full.lastIndex(of: UInt8(ascii: "/"))!])
        _ = try Tool.run(bytes: [Array("mkdir".utf8), Array("-p".utf8), parent])
        _ = try Tool.run(bytes: [Array("cp".utf8), Array(folder.path("over/top").utf8), full])
      }
    }
    #expect(try overlay("link").text.hasPrefix("13 links made, 6 directories made"))
    #expect(try overlay("link").text == "nothing to change; 13 links are right\n")
    for name in names {
      let link = Array(folder.path("root/").utf8) + name + Array("d/".utf8) + name
      let text = try Tool.run(bytes: [Array("readlink".utf8), Array("-n".utf8), link]).output
      #expect(text == Array(folder.path("over/").utf8) + name + Array("d/".utf8) + name)
    }
    try sh("rm -r over/*d")
    let pruned = try overlay("prune")
    #expect(pruned.text.hasSuffix("5 stale links removed, 5 directories removed\n"))
  }

  @Test func whatTheOverlayHasNoMoreIsPruned() throws {
    try sh(
      """
      mkdir -p over/new/deep over/home/training/kept; echo x > over/new/deep/file
      echo x > over/home/training/kept/x; mkdir -p root/home/training/kept
      """)
    #expect(try overlay("link").status == 0)
    try sh(
      """
      echo mine > root/home/training/my_course/mine; ln -s $PWD/over/gone root/elsewhere
      ln -s /nowhere root/home/training/my_course/other
      rm -r over/new over/home/training/kept over/home/training/my_course/reads.fq
      """)
    let check = try overlay("check")
    #expect(
      check.status == 1
        && check.text.contains(
          "/home/training/my_course/reads.fq: would remove the link to "
            + folder.path("over/home/training/my_course/reads.fq")),
      "\(check.summary)")
    let was = try Snapshot(of: folder.path("root"))
    let dry = try overlay("prune", "--dry-run")
    #expect(try Snapshot(of: folder.path("root")).differences(from: was) == [])
    #expect(
      dry.text.hasSuffix("would change: 4 stale links removed, 2 directories removed\n"),
      "\(dry.summary)")
    let pruned = try overlay("prune")
    #expect(
      pruned.text.hasSuffix("4 stale links removed, 2 directories removed\n"), "\(pruned.summary)")
    #expect(try look("home/training/my_course/reads.fq") == "nothing")
    #expect(try look("home/training/my_course/genome.fa").hasPrefix("O/"))
    #expect(try look("home/training/my_course/mine") == "regular file")
    #expect(try look("home/training/my_course/other") == "/nowhere")
    // The top has links too; an existing directory stays.
    #expect(try look("elsewhere") == "nothing")
    #expect(try look("home/training/kept") == "directory")
    #expect(try look("new") == "nothing")
    #expect(try overlay("prune").text == "nothing to change\n")
    #expect(try overlay("check").status == 0)
  }

  /// A lost mount must never look as if all files had been removed.
  @Test(arguments: [
    "mv over away", "rm -r over/*", "rm -r over/*; mkdir over/home",
    "chmod 0 over; chown 1 over", "rm -r over; echo > over",
  ])
  func aLostOverlayPrunesNothing(loss: String) throws {
    #expect(try overlay("link").status == 0)
    try sh(loss)
    let was = try Snapshot(of: folder.path("root"))
    let refused = try Tool.run(
      [
        "setpriv", "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search", Tool.autosquash, "overlay", "prune",
        "--overlay", folder.path("over"), "--root", folder.path("root"),
      ])
    #expect([1, 2].contains(refused.status) && refused.output.isEmpty, "\(refused.summary)")
    #expect(try Snapshot(of: folder.path("root")).differences(from: was) == [])
  }

  @Test func onlyLinksOfRootAreFollowed() throws {
    try sh(
      """
      mkdir -p real/data root/data root/mine outside
      # As on systems where /home is elsewhere: root's link, absolute and relative.
      rmdir root/home/training root/home; ln -s /data root/home; ln -s ../data/sub root/mine/link
      mkdir -p root/data/sub over/mine/link; echo x > over/mine/link/f
      """)
    #expect(try overlay("link").status == 0)
    #expect(try look("data/training/my_course/genome.fa").hasPrefix("O/"))
    #expect(try look("data/sub/f") == "O/mine/link/f")
    // Links out of the tree stay in it, and users' links are not followed at all.
    try sh(
      """
      mkdir -p over/out over/user over/users/x; touch over/out/f over/user/f over/users/x/f
      echo x | tee over/out/f over/user/f > over/users/x/f
      ln -s ../../../../../../..$PWD/outside root/out; ln -s $PWD/outside root/user
      chown -h 1234 root/user
      mkdir root/users; chmod 777 root/users; ln -s /data root/users/x
      """)
    let linked = try overlay("link")
    #expect(linked.status == 1)
    #expect(
      linked.errors.contains("user is a symbolic link that users can change; not followed"))
    #expect(linked.errors.contains("users/x is a symbolic link that users can change"))
    #expect(try sh("ls outside") == "")
    // It means what it would mean if the tree were the system's.
    #expect(try look(".\(folder.path("outside"))/f") == "O/out/f")
  }

  @Test func theOverlayItselfIsNoPlace() throws {
    try sh(
      "mkdir -p root/srv over/srv/overlay; echo x > over/srv/overlay/f; mv over root/srv/overlay; ln -s root/srv/overlay over"
    )
    let linked = try Tool.run([
      Tool.autosquash, "overlay", "link", "--overlay", folder.path("root/srv/overlay"), "--root",
      folder.path("root"),
    ])
    #expect(linked.status == 1 && linked.errors.contains("srv/overlay is the overlay itself"))
  }

  @Test func programsReadJSON() throws {
    try sh("echo mine > root/top; mkdir -p root/home/training/my_course/reads.fq")
    let linked = try overlay("link", "--json")
    #expect(
      linked.text == """
        {"path": "/top", "action": "replaced", "size": 5, "overlay-size": 4}
        {"path": "/home/training/my_course/genome.fa", "action": "linked"}
        {"path": "/home/training/my_course/reads.fq", "action": "conflict", "reason": "a directory is in the way"}
        {"linked": 1, "right": 0, "corrected": 0, "moved": 0, "replaced": 1, "made-directories": 0, "conflicts": 1, "pruned": 0, "unlinked": 0, "removed-directories": 0, "dry-run": false}

        """, "\(linked.summary)")
    #expect(linked.status == 1)
  }

  @Test func settingsNameTheOverlay() throws {
    try folder.write("conf", Array("overlay = \(folder.path("over"))\n".utf8))
    let linked = try Tool.run(
      [Tool.autosquash, "overlay", "link", "--root", folder.path("root")],
      environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
    #expect(linked.status == 0 && linked.text.hasPrefix("3 links made"), "\(linked.summary)")
    let none = try Tool.run(
      [Tool.autosquash, "overlay", "link", "--root", folder.path("root")],
      environment: ["AUTOSQUASH_CONFIG": folder.path("none")])
    #expect(none.status == 1 && none.errors.contains("'autosquash setup' writes one"))
  }

  @Test func oneRunAtATime() throws {
    #expect(try overlay("link").status == 0)
    let held = try Running(
      [
        "flock", folder.path("root/var/lib/autosquash/overlay.lock"), "sh", "-c",
        "while ! [ -e '\(folder.path("stop"))' ]; do sleep 0.05; done",
      ].map { Array($0.utf8) })
    #expect(
      eventually {
        (try? overlay("link").errors.contains("cannot start while another run is active")) == true
      })
    try folder.write("stop", [])
    _ = held.wait()
    #expect(try overlay("link").status == 0)
  }
}

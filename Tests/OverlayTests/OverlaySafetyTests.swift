import Glibc
import Overlay
import Posix
import TestSupport
import Testing

/// What `autosquash overlay` must not lose, forget or follow.
@Suite struct OverlaySafetyTests: OverlaySuite {
  let folder: TemporaryFolder

  init() throws { folder = try Self.makeFolder() }

  /// The file to replace is the very one that the link would lead to.
  @Test func theOverlaysOwnFilesAreKept() throws {
    try sh("rm over/top; echo precious > root/top; ln -s $PWD/root/top over/top")
    let circle = try overlay("link")
    #expect(circle.status == 1 && circle.errors.contains("the overlay's cannot be read"))
    try sh("mkdir -p root/home/training/my_course")
    try Tool.check([
      "mount", "--bind", folder.path("over/home/training/my_course"),
      folder.path("root/home/training/my_course"),
    ])
    defer { _ = try? Tool.run(["umount", "-l", folder.path("root/home/training/my_course")]) }
    let bound = try overlay("link")
    #expect(
      bound.status == 1 && bound.errors.contains("my_course is the overlay itself, or inside it"))
    #expect(try sh("cat root/top over/home/training/my_course/genome.fa") == "precious\ngenome\n")
  }

  /// A directory of the overlay mounted in another one's place: nothing is made in it, and nothing
  /// in it is pruned.
  @Test func theOverlaysOwnDirectoriesAreNoPlaces() throws {
    try sh("mkdir -p over/a over/b/c root/b; echo x | tee over/b/f > over/b/c/g")
    try sh("ln -s $PWD/over/gone over/a/link")
    try Tool.check(["mount", "--bind", folder.path("over/a"), folder.path("root/b")])
    defer { _ = try? Tool.run(["umount", "-l", folder.path("root/b")]) }
    let linked = try overlay("link")
    #expect(
      linked.status == 1 && linked.errors.contains("/b/f: b is the overlay itself, or inside it")
        && linked.errors.contains("/b/c/g: b is the overlay itself"), "\(linked.summary)")
    #expect(try overlay("prune").status == 1)
    #expect(folder.names(in: "over/a") == ["link"])
    #expect(try look("top") == "O/top")
  }

  /// Our own links to a directory of the overlay have no slash at their end; a user's link may.
  @Test func aUsersLinkIntoTheOverlayStays() throws {
    try sh("mkdir -p over/home/data/sub root/home; echo x > over/home/data/sub/f")
    try sh("ln -s $PWD/over/home/data/ root/home/data; chown -h 1234 root/home/data")
    let linked = try overlay("link")
    #expect(linked.status == 1, "\(linked.summary)")
    #expect(try sh("readlink root/home/data") == folder.path("over/home/data/") + "\n")
  }

  /// If the backup were the tree itself, a "kept" file would be gone.
  @Test func theTreeIsNoBackupOfItself() throws {
    try sh("echo mine > root/top; mkdir bound")
    let itself = try overlay("link", "--backup", folder.path("root"))
    #expect(itself.status == 1 && itself.errors.contains("the backup is the tree itself"))
    try Tool.check(["mount", "--bind", folder.path("root"), folder.path("bound")])
    defer { _ = try? Tool.run(["umount", "-l", folder.path("bound")]) }
    #expect(try overlay("link", "--backup", folder.path("bound")).status == 1)
    #expect(try sh("cat root/top") == "mine\n")
  }

  /// Another file with the same size and time is not the kept one.
  @Test func onlyWhatIsKeptIsReplaced() throws {
    try sh("echo one > root/top; touch -d @1000 root/top")
    #expect(try overlay("link", "--backup", folder.path("kept")).status == 0)
    try sh("rm root/top; echo two > root/top; touch -d @1000 root/top")
    let second = try overlay("link", "--backup", folder.path("kept"))
    #expect(second.status == 1 && second.errors.contains("keep it in the backup: File exists"))
    #expect(try sh("cat root/top kept/top") == "two\none\n")
    // A copy from a killed run is as good as one from this run.
    try sh("cp -p root/top kept/top")
    #expect(try overlay("link", "--backup", folder.path("kept")).status == 0)
    #expect(try look("top") == "O/top")
  }

  /// The link of a file that has become a directory gives way to a directory.
  @Test func filesBecomeDirectories() throws {
    // In root's directory, and in a user's.
    try sh("mkdir root/data; chown 1234 root/data; mkdir over/data; echo x > over/data/set")
    #expect(try overlay("link").status == 0)
    try sh(
      "rm over/top over/data/set; mkdir over/top over/data/set; echo y | tee over/top/a > over/data/set/b"
    )
    let dry = try overlay("link", "--dry-run")
    #expect(dry.text.contains("2 links made, 2 directories made"), "\(dry.summary)")
    let result = try overlay("link")
    #expect(result.status == 0, "\(result.summary)")
    #expect(result.text.contains("2 links made, 2 directories made"), "\(result.summary)")
    #expect(try look("top") == "directory" && look("top/a") == "O/top/a")
    #expect(try look("data/set") == "directory" && look("data/set/b") == "O/data/set/b")
    #expect(try overlay("check").status == 0)
    // And back again.
    try sh("rm -r over/top; echo top > over/top")
    #expect(try overlay("prune").status == 0)
    #expect(try overlay("link").status == 0 && look("top") == "O/top")
  }

  /// /bin/x and /usr/bin/x are one place where /bin is a link to /usr/bin.
  @Test func onePlaceHasOneLink() throws {
    try sh("mkdir -p root/usr/bin over/bin over/usr/bin; ln -s usr/bin root/bin")
    try sh("echo 1 > over/bin/t; echo 2 > over/usr/bin/t; echo 3 > over/usr/bin/u")
    for _ in 1...2 {
      let result = try overlay("link")
      #expect(result.status == 1, "\(result.summary)")
      #expect(
        result.errors.contains("/usr/bin/t: /bin/t of the overlay has the same place"),
        "\(result.summary)")
      #expect(try look("usr/bin/t") == "O/bin/t" && look("bin/u") == "O/usr/bin/u")
      #expect(!result.text.contains("corrected"))
    }
  }

  /// On another file system the backup is a copy with everything that belongs to the file.
  @Test func copiesHaveHolesAndAttributes() throws {
    try sh(
      """
      rm -f root/top; truncate -s 3M root/top; printf data | dd of=root/top bs=1 seek=2500000 \
        conv=notrunc status=none
      setfattr -n trusted.note -v kept root/top; cp --sparse=never root/top plain; mkdir kept
      mount -t tmpfs none kept; chmod 755 kept
      """)
    defer { _ = try? Tool.run(["umount", "-l", folder.path("kept")]) }
    #expect(try overlay("link", "--backup", folder.path("kept")).status == 0)
    try sh("cmp kept/top plain")
    #expect(try sh("stat -c %b kept/top").dropLast().count <= 4)
    #expect(try sh("getfattr --only-values -n trusted.note kept/top") == "kept")
  }

  @Test func anOverlayMayBeALink() throws {
    try sh("mv over elsewhere; ln -s elsewhere over")
    #expect(try overlay("link").status == 0)
    #expect(try sh("cat root/top") == "top\n")
    #expect(try overlay("check").status == 0)
  }

  /// A truncated list would forget places, and the links in them for good.
  @Test func aCutListIsAnError() throws {
    #expect(try overlay("link").status == 0)
    try sh("cd root/var/lib/autosquash; head -c -1 overlay > cut; cat cut > overlay; rm cut")
    let result = try overlay("prune")
    #expect(result.status == 1, "\(result.summary)")
    #expect(result.errors.contains("/var/lib/autosquash/overlay: "), "\(result.summary)")
  }

  /// The directory given as `--root` becomes a link after it was opened.
  @Test func theTreeIsOpenedOnce() throws {
    let tree = try Folder(at: HostPath(folder.path("root")))
    let listing = try OverlayListing(HostPath(folder.path("over")))
    let state: RelativePath = "var/lib/autosquash"
    try sh("mkdir outside; mv root moved; ln -s outside root")
    let stateFolder = try #require(
      try OverlayStateFolder(state, root: tree, overlay: listing, makesMissing: true))
    var remembered = OverlayState()
    remembered.places = [listing.root: [.root: false]]
    try remembered.write(to: stateFolder)
    let linker = try OverlayLinker(
      listing, root: tree, reserved: state, state: stateFolder, backup: nil, isDryRun: false)
    linker.run { _, _ in }
    #expect(folder.names(in: "outside") == [])
    #expect(folder.names(in: "moved") == ["home", "top", "var"])
    #expect(folder.names(in: "moved/var/lib/autosquash") == ["overlay"])
  }

  /// Each case: what somebody wrote into the list.
  @Test(arguments: [
    "o/over\\0+../outside\\0", "o/over\\0+a/../../outside\\0", "o/over\\0+/outside\\0",
    "o/over\\0+a//b\\0", "o/over\\0+a/.\\0", "oover\\0", "o/over/../x\\0", "o/\\0", "o\\0",
    "+a\\0", "z\\0", "\\0",
  ])
  func aTamperedListIsAnError(text: String) throws {
    try sh("mkdir -p root/var/lib/autosquash root/outside")
    try sh("printf 'autosquash overlay 2\\0\(text)' > root/var/lib/autosquash/overlay")
    for command in ["link", "prune", "check"] {
      let result = try overlay(command)
      #expect(
        result.status == 1
          && result.errors.contains("/var/lib/autosquash/overlay: cannot read the list"),
        "\(command): \(result.summary)")
    }
    #expect(try look("outside") == "directory" && look("top") == "nothing")
  }

  @Test func aHugeListIsAnError() throws {
    try sh("mkdir -p root/var/lib/autosquash; printf 'autosquash overlay 2\\0' > list")
    try sh(
      "mv list root/var/lib/autosquash/overlay; truncate -s 1G root/var/lib/autosquash/overlay")
    let (result, needs) = try Tool.measure([
      Tool.autosquash, "overlay", "check", "--overlay", folder.path("over"), "--root",
      folder.path("root"),
    ])
    #expect(result.status == 1 && result.errors.contains("File too large"), "\(result.summary)")
    #expect(needs.memory < 200 << 20)
  }

  @Test func anyUserMayLook() throws {
    #expect(try overlay("link").status == 0)
    try sh("chmod 755 .")
    let result = try Tool.run([
      "setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", Tool.autosquash, "overlay",
      "check", "--overlay", folder.path("over"), "--root", folder.path("root"),
    ])
    #expect(result.status == 0, "\(result.summary)")
  }

  @Test func linksToWhatTheOverlayHasStay() throws {
    #expect(try overlay("link").status == 0)
    try sh(
      """
      ln -s my_course over/home/training/alias
      ln -s $PWD/over/home/training/my_course root/home/training/mine
      ln -s $PWD/over/home/training/alias/genome.fa root/home/training/other
      ln -s $PWD/over/gone root/home/training/gone
      """)
    let pruned = try overlay("prune")
    #expect(
      pruned.status == 0 && pruned.text.hasSuffix("1 stale link removed\n"), "\(pruned.summary)")
    #expect(try look("home/training/mine") == "O/home/training/my_course")
    #expect(try look("home/training/other") == "O/home/training/alias/genome.fa")
  }

  @Test func stateAndBackupLeadNowhere() throws {
    try sh("mkdir outside; ln -s $PWD/outside root/var")
    #expect(try overlay("link").status == 0)
    #expect(folder.names(in: "outside") == [])
    // Nothing is kept in a folder that users can change.
    try sh(
      "rm -rf root/var root/tmp*; mkdir -p root/var/lib/autosquash; chmod 777 root/var/lib/autosquash"
    )
    let open = try overlay("link")
    #expect(open.status == 1 && open.errors.contains("a folder that others can change"))
    try sh("rm -rf root/var root/top; echo mine > root/top; mkdir kept; chmod 777 kept")
    let kept = try overlay("link", "--backup", folder.path("kept"))
    #expect(kept.status == 1 && kept.errors.contains("a folder that others can change"))
    try sh("chmod 755 kept; mkdir root/home/training/d over/home/training/d")
    try sh(
      "echo x | tee over/home/training/d/f > root/home/training/d/f; mkdir -p kept/home; ln -s $PWD/outside kept/home/training"
    )
    #expect(try overlay("link", "--backup", folder.path("kept")).status == 1)
    #expect(folder.names(in: "outside") == [])
    #expect(try look("home/training/d/f") == "regular file")
  }

  /// A home that is not mounted for a while, and another overlay in between, lose no place.
  @Test func placesAreNotForgotten() throws {
    #expect(try overlay("link").status == 0)
    try sh(
      "rm over/home/training/my_course/reads.fq; mv root/home/training away; mkdir other; echo x > other/x"
    )
    #expect(try overlay("prune").status == 0)
    let other = try Tool.run([
      Tool.autosquash, "overlay", "prune", "--overlay", folder.path("other"), "--root",
      folder.path("root"),
    ])
    #expect(other.status == 0, "\(other.summary)")
    try sh("mv away root/home/training; rm -r over/home/training")
    #expect(try overlay("check").status == 1)
    #expect(try overlay("prune").text.hasSuffix("2 stale links removed\n"))
    #expect(try overlay("check").status == 0)
  }

  @Test func checkSaysWhatIsDone() throws {
    try sh(
      "mkdir -p over/home/new/deep root/real over/link; echo x | tee over/home/new/deep/f > over/link/f; ln -s /real/a/b root/link"
    )
    let dry = try overlay("link", "--dry-run", "--backup", folder.path("kept"))
    #expect(!folder.exists("kept"))
    let done = try overlay("link")
    #expect(dry.text.hasSuffix("would change: " + done.text), "\(dry.summary)\(done.summary)")
    #expect(try look("real/a/b/f") == "O/link/f")
    // A link to correct is not also a link to remove, nor are directories of files that are missing.
    try sh("ln -sf $PWD/over/gone root/top; rm -r root/home/new/deep")
    let check = try overlay("check")
    #expect(
      check.text.hasSuffix(
        "would change: 1 link made, 1 corrected, 1 directory made; 3 links are right\n"),
      "\(check.summary)")
    #expect(try overlay("prune").text == "nothing to change\n")
    // A user's file where a directory was no longer matters.
    try sh("rm -r over/home/new root/home/new over/link; echo mine > root/home/new")
    #expect(try overlay("link").status == 0)
    #expect(try overlay("prune").status == 0)
    #expect(try look("real") == "directory")
    #expect(try look("real/a") == "nothing")
  }

  /// Whatever path leads the overlay to the state folder.
  @Test func theStateIsNoPlace() throws {
    try sh("mkdir -p root/var over/v/lib/autosquash/maps; ln -s var root/v")
    try sh("cd over/v/lib/autosquash; echo x | tee overlay > maps/top")
    for _ in 1...2 {
      let linked = try overlay("link")
      #expect(linked.status == 1, "\(linked.summary)")
      #expect(
        linked.errors.contains("/v/lib/autosquash/overlay: autosquash needs this name for itself")
          && linked.errors.contains("/v/lib/autosquash/maps/top: autosquash needs this name"),
        "\(linked.summary)")
      #expect(folder.names(in: "root/var/lib/autosquash") == ["overlay", "overlay.lock"])
    }
    #expect(try look("top") == "O/top")
  }

  @Test func namesOfOnesOwnAreReserved() throws {
    try sh(
      "mkdir -p over/var/lib/autosquash; echo x > over/var/lib/autosquash/overlay; echo x > over/.autosquash-overlay.tmp"
    )
    for arguments in [["--dry-run"], [], []] {
      let linked = try Tool.run(
        [
          Tool.autosquash, "overlay", "link", "--overlay", folder.path("over"), "--root",
          folder.path("root"),
        ] + arguments)
      #expect(linked.status == 1, "\(linked.summary)")
      #expect(
        linked.errors.split(separator: "\n").count {
          $0.hasSuffix("autosquash needs this name for itself")
        } == 2)
    }
    #expect(try look("top") == "O/top")
    #expect(try overlay("prune").status == 0)
  }
}

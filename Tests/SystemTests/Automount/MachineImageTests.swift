import TestSupport
import Testing

/// `autosquash doctor --root`: checks the tree of a machine image before it starts.
@Suite struct MachineImageTests {
  let folder: TemporaryFolder

  /// A complete tree.
  init() throws {
    folder = try TemporaryFolder()
    try sh(
      """
      mkdir -p root; cd root
      mkdir -p etc/systemd/system/multi-user.target.wants usr/bin usr/sbin usr/libexec/autosquash \
        usr/lib/systemd/system usr/lib/modules/6.1.0-50-amd64 usr/lib/modules/5.10.0-removed
      for link in bin sbin lib; do ln -s usr/$link $link; done
      for program in bin/autosquash libexec/autosquash/autosquash-map sbin/automount bin/mount \
        bin/s3fs sbin/mount.fuse; do install -m 755 /dev/null usr/$program; done
      for unit in autofs autosquash-overlay; do
        printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' \
          > usr/lib/systemd/system/$unit.service
      done
      ln -s /lib/systemd/system/autofs.service etc/systemd/system/multi-user.target.wants/
      cat > etc/fstab <<'END'
      # a comment
      UUID=1 / ext4 defaults 0 1
      edgen-training\t/mnt/s3fs/ fuse.s3fs ro,allow_other,_netdev,nofail 0 0
      END
      echo A:B > etc/passwd-s3fs; chmod 600 etc/passwd-s3fs
      cd usr/lib/modules/6.1.0-50-amd64
      echo 'kernel/drivers/block/loop.ko' > modules.builtin
      printf '%s:\\n' kernel/fs/squashfs/squashfs.ko.xz kernel/fs/fuse/fuse.ko \
        kernel/fs/autofs/autofs4.ko > modules.dep
      """)
    try Tool.check([Tool.autosquash, "setup", "--root", folder.path("root")])
  }

  @discardableResult
  private func sh(_ script: String) throws -> String {
    try Tool.check(["bash", "-ec", script], in: folder.root).text
  }

  private func doctor(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash, "doctor", "--root", folder.path("root")] + arguments)
  }

  @Test func aWholeTreeIsFine() throws {
    let before = try Snapshot(of: folder.path("root"))
    let told = try doctor()
    #expect(told.status == 0 && told.errors.isEmpty, "\(told.summary)")
    #expect(!told.text.contains("fail ") && !told.text.contains("warn "), "\(told.text)")
    for line in [
      "ok    files: all are up to date\n",
      "/etc/fstab mounts /mnt/s3fs at the start\n",
      "/etc/passwd-s3fs is there, readable by root only\n",
      "ok    kernel: 6.1.0-50-amd64 has autofs4, fuse, loop, squashfs\n",
      "ok    overlay: its links are not made when the system starts\n"
        + "      -> sudo systemctl --root=\(folder.path("root")) enable autosquash-overlay.service\n",
    ] { #expect(told.text.contains(line), "\(told.text)") }
    #expect(try Snapshot(of: folder.path("root")).differences(from: before) == [])
    let json = try doctor("--json")
    #expect(json.status == 0 && json.text.hasPrefix(#"{"status": "ok", "topic": "settings","#))
  }

  /// Each case: the message, and whether its command, run unchanged, repairs the tree.
  @Test(arguments: [
    ("rm etc/autosquash.conf", "settings: R/etc/autosquash.conf is missing", true),
    ("echo x > etc/autosquash.conf", "settings: R/etc/autosquash.conf:1: no '='", false),
    ("rm usr/bin/autosquash", "program: R/usr/bin/autosquash is missing", false),
    ("rm -r usr/libexec", "map: R/usr/libexec/autosquash/autosquash-map is missing", false),
    ("rm usr/sbin/automount", "autofs: automount, the automounter, is not installed", false),
    ("rm usr/bin/mount", "mount: mount, which the automounter runs,", false),
    ("rm usr/bin/s3fs", "s3fs: s3fs, which mounts the bucket,", false),
    ("rm usr/sbin/mount.fuse", "fuse: mount.fuse, which mount(8) runs", false),
    (
      "mkdir -p usr/local/bin; mv usr/bin/autosquash usr/local/bin; mv usr/libexec usr/local",
      "files: R/etc/systemd/system/autofs.service.d/50-autosquash.conf differs from setup", true
    ),
    (
      "sed -i s/mnt/srv/ etc/auto.master.d/autosquash.autofs",
      "files: R/etc/auto.master.d/autosquash.autofs differs from setup", true
    ),
    (
      "echo x > etc/auto.master.d/autosquash.autofs",
      "files: R/etc/auto.master.d/autosquash.autofs: not written by setup", true
    ),
    ("rm -r var", "list: R/var/lib/autosquash/maps/top is missing", true),
    (
      "sed -i s/usr/build/ var/lib/autosquash/maps/top", "list: R/var/lib/autosquash/maps/top", true
    ),
    ("rm -r etc/systemd/system/timers.target.wants", "timer: R/etc/systemd/system/timers", true),
    (
      "rm etc/systemd/system/multi-user.target.wants/autofs.service",
      "autofs: the automounter does not start with the system", true
    ),
    ("sed -i /s3fs/d etc/fstab", "bucket: nothing mounts /mnt/s3fs/autosquash: no line of", false),
    ("rm etc/fstab", "bucket: nothing mounts /mnt/s3fs/autosquash: no line of", false),
    (
      "sed -i s/_netdev/noauto/ etc/fstab", "bucket: R/etc/fstab lists /mnt/s3fs with noauto", false
    ),
    ("rm etc/passwd-s3fs", "credentials: R/etc/passwd-s3fs is missing", false),
    (
      "chmod 644 etc/passwd-s3fs", "credentials: R/etc/passwd-s3fs has mode 0644", true
    ),
    (
      "sed -i /squashfs/d usr/lib/modules/*/modules.dep", "kernel: 6.1.0-50-amd64 has no squash",
      false
    ),
    (
      "sed -i /loop/d usr/lib/modules/*/modules.builtin", "kernel: 6.1.0-50-amd64 has no loop",
      false
    ),
  ])
  func whatIsMissingIsTold(change: String, expected: String, isMended: Bool) throws {
    try sh("cd root; \(change)")
    let told = try doctor()
    let expected = "fail  " + expected.replacing("R/", with: folder.path("root/"))
    #expect(told.status == 1 && told.errors.isEmpty, "\(told.summary)")
    let lines = told.text.split(separator: "\n")
    guard let index = lines.firstIndex(where: { $0.hasPrefix(expected) }) else {
      Issue.record("\(expected): \(told.text)")
      return
    }
    #expect(lines[index + 1].hasPrefix("      -> sudo "), "\(told.text)")
    #expect(lines.count { $0.hasPrefix("fail") } == (change.hasPrefix("mkdir") ? 3 : 1))
    guard isMended else { return }
    let bin = Tool.autosquash.split(separator: "/").dropLast().joined(separator: "/")
    try sh("sudo() { \"$@\"; }; PATH=/\(bin):$PATH; \(lines[index + 1].dropFirst(9))")
    let after = try doctor()
    #expect(after.status == 0, "\(after.summary)")
  }

  /// Other ways to mount the bucket and to sign requests.
  @Test(arguments: [
    ("sed -i s/_netdev/public_bucket=1/ etc/fstab", ""),
    ("sed -i s/_netdev/iam_role=auto/ etc/fstab", ""),
    ("sed -i s,_netdev,passwd_file=/etc/keys, etc/fstab; mv etc/passwd-s3fs etc/keys", "keep"),
    ("sed -i s,fuse.s3fs,nfs4, etc/fstab; rm usr/bin/s3fs usr/sbin/mount.fuse", ""),
    (
      """
      sed -i /s3fs/d etc/fstab
      printf '[Mount]\\nWhat=b\\nType = fuse.s3fs\\nOptions=ro,iam_role=auto\\n' \
        > etc/systemd/system/mnt-s3fs.mount
      mkdir etc/systemd/system/remote-fs.target.wants
      ln -s ../mnt-s3fs.mount etc/systemd/system/remote-fs.target.wants/
      """, ""
    ),
    ("sed -i /s3fs/d etc/fstab; mkdir -p mnt/s3fs/autosquash", ""),
    ("sed -i s,fuse.s3fs.*,ext4, etc/fstab", ""),
  ])
  func otherMountsAreKnown(change: String, keeps: String) throws {
    try sh("cd root; \(change); \(keeps.isEmpty ? "rm etc/passwd-s3fs" : "")")
    let told = try doctor()
    #expect(told.status == 0, "\(told.summary)")
  }

  /// The bucket is where the system's own table has it, whatever this machine has there.
  @Test(arguments: [
    ("/mnt/s3fs fuse.s3fs ro", "mnt-s3fs.mount"), ("/mnt fuse.s3fs ro", "mnt.mount"),
    ("/mnt/s3fs/autosquash nfs4 ro,_netdev", "mnt-s3fs-autosquash.mount"),
    ("/mnt ext4 ro", "mnt-s3fs.mount"), ("/other fuse.s3fs ro", "mnt-s3fs.mount"),
  ])
  func theAutomounterWaitsForTheSystemsMount(line: String, unit: String) throws {
    try sh("echo 'b \(line)' > root/etc/fstab")
    try Tool.check([Tool.autosquash, "setup", "--root", folder.path("root")])
    #expect(
      try sh("grep ^After= root/etc/systemd/system/autofs.service.d/50-autosquash.conf")
        == "After=\(unit)\n")
  }

  @Test func aUnitThatIsNotEnabledIsTold() throws {
    try sh(
      """
      cd root; sed -i /s3fs/d etc/fstab
      printf '[Mount]\\nWhat=b\\nWhere=/mnt/s3fs\\nType=fuse.s3fs\\n[Install]\\nWantedBy=remote-fs.target\\n' \
        > etc/systemd/system/mnt-s3fs.mount
      """)
    let told = try doctor()
    let command = "systemctl --root=\(folder.path("root")) enable mnt-s3fs.mount"
    #expect(
      told.status == 1
        && told.text.contains(
          "mnt-s3fs.mount does not start with the system\n      -> sudo \(command)"),
      "\(told.summary)")
    try sh(command)
    #expect(try doctor().status == 0)
  }

  /// Nothing outside is read, and unreadable things are reported.
  @Test func linksOutOfTheTreeAreNotFollowed() throws {
    for (path, status) in [
      ("etc/autosquash.conf", 2), ("etc/fstab", 2), ("etc/passwd-s3fs", 0), ("usr/lib/modules", 0),
    ] as [(String, Int32)] {
      try sh("cd root; mv \(path) ../aside; ln -s $PWD/../aside \(path)")
      let told = try doctor()
      #expect(
        told.status == status
          && told.errors.contains("does not follow links below --root") == (status == 2),
        "\(path): \(told.summary)")
      if path.hasSuffix("modules") {
        #expect(told.text.contains("warn  kernel: it has none"))
      }
      try sh("cd root; rm \(path); mv ../aside \(path)")
    }
    #expect(try Tool.autosquash("doctor", "--root", "").status == 64)
    #expect(try Tool.autosquash("doctor", "--root", "/nonexistent").status == 2)
  }
}

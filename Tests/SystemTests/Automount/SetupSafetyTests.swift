import Glibc
import TestSupport
import Testing

/// `autosquash setup --root` in a directory whose owner is malicious, and root's runs on this
/// machine with folders that users can change.
@Suite struct SetupSafetyTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try sh("mkdir -p root/etc/systemd/system root/var/lib outside")
  }

  @discardableResult
  private func sh(_ script: String) throws -> String {
    try Tool.check(["sh", "-ec", script], in: folder.root).text
  }

  private func setup(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash, "setup", "--root", folder.path("root")] + arguments)
  }

  /// Directories on the way become links to elsewhere and back, as fast as possible.
  @Test func swappedDirectoriesLeadNowhere() throws {
    try sh("mkdir -p root/etc/auto.master.d root/var/lib/autosquash")
    let attacker = try Running(
      [
        "python3", "-c",
        """
        import os
        root, outside = "\(folder.path("root"))", "\(folder.path("outside"))"
        places = [root + path for path in ("/etc/auto.master.d", "/etc/systemd", "/var/lib")]
        def attempt(call, *names):
            try: call(*names)
            except OSError: pass
        while not os.path.exists("\(folder.path("stop"))"):
            for path in places:
                attempt(os.rename, path, root + "/aside")
                attempt(os.symlink, outside, path)
                attempt(os.unlink, path)
                attempt(os.rename, root + "/aside", path)
        """,
      ].map { Array($0.utf8) })
    for _ in 1...15 {
      for arguments in [[], ["--remove"]] {
        let result = try Tool.run(
          [Tool.autosquash, "setup", "--root", folder.path("root")] + arguments)
        #expect([0, 1].contains(result.status), "\(result.summary)")
      }
    }
    try folder.write("stop", [])
    _ = attacker.wait()
    #expect(try sh("find outside -mindepth 1") == "")
  }

  private let lists = """
    mkdir -p $IN/maps; cd $IN
    echo "# Written by 'autosquash refresh'; changes here are lost." | tee maps/top > maps/folder-61
    echo '# From /proc/config.gz, for autosquash-map.' > kernel-6.1; : > refresh.lock
    """

  /// Each case: a `state` in the settings, where a link leads out of the tree.
  @Test(arguments: [
    // As text, the byte is another character.
    ("/var/lib/a\\377", "root/var/lib/a$(printf '\\377')"), ("/var/lib/link", "root/var/lib/link"),
    ("/var/lib/link/../link", "root/var/lib/link"), ("/var/lib/../../outside", "root/x"),
    ("/var/lib/a b", "root/var/lib/'a b'"),
  ])
  func settingsRemoveNothingElsewhere(state: String, link: String) throws {
    try sh("IN=outside; \(lists)")
    try sh(
      """
      ln -s $PWD/outside \(link); : > root/etc/autosquash.conf
      printf "# Written by 'autosquash setup'.\\nstate = \(state)\\n" > root/etc/autosquash.conf
      """)
    let removed = try setup("--remove")
    #expect(
      removed.status == 1 || removed.errors.contains("lists in a folder named there stay"),
      "\(removed.summary)")
    #expect(try sh("find outside -type f | wc -l") == "4\n", "\(removed.summary)")
  }

  /// Settings can name any folder of the tree.
  @Test func onlyWhatIsOursIsRemoved() throws {
    try sh("IN=root/srv; \(lists)")
    try sh("IN=root/home; \(lists)")
    try sh(
      """
      cd root; echo x > srv/refresh.lock; echo x > srv/kernel-x; echo x > srv/maps/folder-62
      echo x > srv/other; mkdir empty
      """)
    for (state, left) in [("/home", ""), ("/empty", "empty"), ("/srv", "srv")] {
      try folder.write(
        "root/etc/autosquash.conf",
        Array("# Written by 'autosquash setup'.\nstate = \(state)\n".utf8))
      #expect(try setup("--remove").status == 0)
      #expect(
        try sh("cd root; ls -d .\(state) 2> /dev/null || true")
          == (left.isEmpty ? "" : "./\(left)\n"))
    }
    #expect(
      try sh("cd root/srv; find . -type f | sort")
        == "./kernel-x\n./maps/folder-62\n./other\n./refresh.lock\n")
  }

  /// Settings are not read through a link, and nothing of its target gets into a message.
  @Test func settingsOfAnotherSystemAreItsOwn() throws {
    try sh("echo secret > outside/file; ln -s $PWD/outside/file root/etc/autosquash.conf")
    for arguments in [[], ["--timeout", "5"], ["--remove"]] {
      let refused = try Tool.run(
        [Tool.autosquash, "setup", "--root", folder.path("root")] + arguments)
      #expect(
        refused.status == 1 && refused.errors.contains("does not follow links below --root")
          && !refused.errors.contains("secret"), "\(refused.summary)")
    }
    #expect(try sh("cat outside/file; find root -type f") == "secret\n")
  }

  /// The automounter would trust, as root's word, what others can change. Each case: the message.
  @Test(arguments: [
    ("chmod 777 state", "state"), ("chown 1234 state", "state"),
    ("chmod 777 state/maps", "state/maps"),
    ("chmod 777 .", ""), ("mv state x; ln -s x state; chown -h 1234 state", "state"),
    ("rm -r state/maps; ln -s ../outside state/maps; chown -h 1234 state/maps", "state/maps"),
  ])
  func listsAreRootsAlone(change: String, expected: String) throws {
    try sh("mkdir images; chmod 755 .")
    try folder.write(
      "conf",
      Array(
        """
        images = \(folder.path("images"))
        mount-root = \(folder.path("mnt"))
        state = \(folder.path("state"))

        """.utf8))
    func run(_ command: String) throws -> Tool.Result {
      try Tool.run(
        [Tool.autosquash, command], environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
    }
    let first = try run("refresh")
    #expect(first.status == 0, "\(first.summary)")
    try sh("rm state/maps/top; \(change)")
    let problem =
      folder.root + (expected.isEmpty ? "" : "/\(expected)") + ": users can change this"
    let refused = try run("refresh")
    #expect(refused.status == 1 && refused.errors.contains(problem), "\(refused.summary)")
    #expect(try sh("find outside state/ -name top") == "")
    let told = try run("doctor")
    #expect(told.text.contains("fail  list: \(problem)"), "\(told.summary)")
  }
}

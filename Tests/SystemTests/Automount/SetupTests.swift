import Foundation
import Glibc
import TestSupport
import Testing

/// `autosquash setup` in the root of another system; its dry run tells what it would do to a
/// running one.
@Suite struct SetupTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "-p", "root/etc/systemd/system"], in: folder.root)
  }

  private func setup(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash, "setup", "--root", folder.path("root")] + arguments)
  }

  private func text(_ path: String) throws -> String {
    String(decoding: try folder.read("root" + path), as: UTF8.self)
  }

  /// Adds programs to the system.
  private func add(_ programs: String...) throws {
    for program in programs {
      try Tool.check(
        ["install", "-D", "-m", "755", "/dev/null", folder.path("root/usr/\(program)")])
    }
  }

  private let map = "/usr/libexec/autosquash/autosquash-map"
  private let master = "/etc/auto.master.d/autosquash.autofs"
  private let timerLink = "/etc/systemd/system/timers.target.wants/autosquash-refresh.timer"

  private func files() throws -> [String] {
    try Tool.check(
      ["find", ".", "-path", "./usr", "-prune", "-o", "-not", "-type", "d", "-print"],
      in: folder.path("root")
    ).text
      .split(separator: "\n").map(String.init).sorted()
  }

  @Test func filesAreWrittenOnceAndTakenAway() throws {
    let first = try setup("--images", "/srv/bucket/images", "--timeout", "60")
    #expect(first.status == 0, "\(first.summary)")
    #expect(
      try text(master)
        == "# Written by 'autosquash setup'.\n/mnt/autosquash file:/var/lib/autosquash/maps/top"
        + " --timeout=60 --negative-timeout=1 browse\n")
    let settings = try text("/etc/autosquash.conf")
    #expect(settings.contains("\nimages = /srv/bucket/images\n"))
    #expect(settings.contains("\ntimeout = 60\n") && settings.contains("\n# suffixes = .squash "))
    #expect(
      try files() == [
        "./etc/auto.master.d/autosquash.autofs", "./etc/autosquash.conf",
        "./etc/systemd/system/autofs.service.d/50-autosquash.conf",
        "./etc/systemd/system/autosquash-refresh.service",
        "./etc/systemd/system/autosquash-refresh.timer",
        "./etc/systemd/system/timers.target.wants/autosquash-refresh.timer",
        "./var/lib/autosquash/maps/top",
      ])
    #expect(
      try text("/var/lib/autosquash/maps/top").hasSuffix("\n+program:\(map)\n"))
    let before = try Snapshot(of: folder.path("root"))
    let second = try setup()
    #expect(second.text == "Nothing to change: everything is in place.\n", "\(second.summary)")
    #expect(try Snapshot(of: folder.path("root")).differences(from: before) == [])

    // One setting changes; what somebody else wrote in the file stays.
    try folder.write("root/etc/autosquash.conf", Array((settings + "folders = no\n").utf8))
    #expect(try setup("--timeout", "90").status == 0)
    #expect(
      try text("/etc/autosquash.conf")
        == settings.replacing("timeout = 60", with: "timeout = 90") + "folders = no\n")
    #expect(try text(master).contains(" --timeout=90 "))

    let removed = try setup("--remove")
    #expect(removed.status == 0, "\(removed.summary)")
    #expect(try files() == [], "\(removed.summary)")
    // No empty folders are left that nobody else needs.
    #expect(folder.names(in: "root/etc/systemd/system") == [])
    #expect(try setup("--remove").text == "Nothing to remove.\n")
  }

  /// The calls to systemd, here a script that records them.
  @Test(arguments: [true, false])
  func removalLeavesNoFailedUnit(hasFailed: Bool) throws {
    try Tool.check(["mkdir", folder.path("bin")])
    try folder.write(
      "bin/systemctl",
      Array(
        """
        #!/bin/sh
        echo "$*" >> \(folder.path("asked"))
        case "$*" in *is-failed*refresh.service) \(hasFailed) ;; *is-failed*) false ;; esac

        """.utf8))
    try Tool.check(["chmod", "755", folder.path("bin/systemctl")])
    try Tool.check([
      "unshare", "-m", "sh", "-ec",
      """
      for place in /etc /run /var/lib; do mount -t tmpfs -o mode=755 none $place; done
      mkdir -p /run/systemd/system /etc/systemd/system/autofs.service.d
      touch /etc/systemd/system/autofs.service.d/other.conf
      PATH=\(folder.path("bin")):$PATH
      '\(Tool.autosquash)' setup > /dev/null 2>&1
      : > \(folder.path("asked"))
      '\(Tool.autosquash)' setup --remove
      test -e /etc/systemd/system/autofs.service.d/other.conf
      """,
    ])
    let asked = String(decoding: try folder.read("asked"), as: UTF8.self)
    #expect(
      asked == """
        --quiet stop autosquash-refresh.timer
        --quiet stop autosquash-refresh.service
        daemon-reload
        --quiet is-failed autosquash-refresh.timer
        --quiet is-failed autosquash-refresh.service
        \(hasFailed ? "reset-failed autosquash-refresh.service\n" : "")\
        reload-or-restart autofs.service

        """)
  }

  @Test func unitsAreInOrder() throws {
    #expect(try setup().status == 0)
    // Here the program is looked for in this system.
    try Tool.check(
      ["sed", "-i", "s|/usr/bin/autosquash|\(Tool.autosquash)|", "autosquash-refresh.service"],
      in: folder.path("root/etc/systemd/system"))
    for unit in ["autosquash-refresh.service", "autosquash-refresh.timer"] {
      let verified = try Tool.run(
        [
          "systemd-analyze", "verify", "--man=no",
          folder.path("root/etc/systemd/system/\(unit)"),
        ])
      #expect(verified.status == 0 && verified.errors.isEmpty, "\(verified.summary)")
    }
    #expect(
      try text("/etc/systemd/system/autofs.service.d/50-autosquash.conf").contains(
        "After=mnt-s3fs.mount\n"))
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let unit = try String(
      contentsOf: package.appendingPathComponent("systemd/autosquash-overlay.service"),
      encoding: .utf8)
    let bin = URL(fileURLWithPath: Tool.autosquash).deletingLastPathComponent().path
    try folder.write(
      "autosquash-overlay.service", Array(unit.replacing("@bindir@", with: bin).utf8))
    let verified = try Tool.run(
      ["systemd-analyze", "verify", "--man=no", folder.path("autosquash-overlay.service")])
    #expect(verified.status == 0 && verified.errors.isEmpty, "\(verified.summary)")
    // Without listing, no timer is needed.
    try folder.write("root/etc/autosquash.conf", Array("browse = no\n".utf8))
    let changed = try setup()
    #expect(changed.status == 0, "\(changed.summary)")
    #expect(
      try text(master).hasSuffix(
        "/mnt/autosquash program:\(map) --timeout=300 --negative-timeout=1\n"))
    #expect(try !files().contains("./etc/systemd/system/autosquash-refresh.timer"))
  }

  @Test func othersFilesStay() throws {
    try Tool.check(["mkdir", "-p", "root/etc/auto.master.d"], in: folder.root)
    try folder.write("root" + master, Array("/x y\n".utf8))
    let refused = try setup()
    #expect(refused.status == 1 && refused.output.isEmpty)
    #expect(
      refused.errors
        == "autosquash: \(folder.path("root" + master)): not written by setup, so it stays"
        + " unchanged; move it away and run setup again\n")
    #expect(try text(master) == "/x y\n")
    #expect(try files() == ["./etc/auto.master.d/autosquash.autofs"])
    try Tool.check(["rm", "root" + master], in: folder.root)

    // Manual settings stay; setup says what they would have to be.
    try folder.write("root/etc/autosquash.conf", Array("images = /srv\n".utf8))
    #expect(try setup("--images", "/srv").status == 0)
    let other = try setup("--images", "/other")
    #expect(other.status == 1 && other.errors.contains("put 'images = /other'"))
    let removed = try setup("--remove")
    #expect(removed.errors.contains("autosquash.conf was not written by setup, so it stays"))
    #expect(try files() == ["./etc/autosquash.conf"])
  }

  @Test(arguments: [
    (
      ["--mount-root", "/mnt/my images"], "autofs takes only letters, digits and ._-+ in this path"
    ),
    (["--mount-root", "mnt"], ": mount-root: must be a path that begins with '/'"),
    (["--timeout", "soon"], ": timeout: must be a number of seconds"),
    (["--images", "/"], ": images: must not be the root of the file system"),
  ])
  func wrongSettingsWriteNothing(arguments: [String], expected: String) throws {
    let refused = try Tool.run(
      [Tool.autosquash, "setup", "--root", folder.path("root")] + arguments)
    #expect(refused.status == 1 && refused.errors.contains(expected), "\(refused.summary)")
    #expect(try files() == [])
  }

  @Test func aDryRunOnlyTells() throws {
    let told = try Tool.run([Tool.autosquash, "setup", "--dry-run", "--images", "/srv/images"])
    #expect(told.status == 0, "\(told.summary)")
    #expect(told.text.contains("Would write /etc/autosquash.conf, which holds the settings:\n"))
    #expect(told.text.contains("\n    images = /srv/images\n"))
    #expect(access("/etc/autosquash.conf", F_OK) != 0)
    let student = try Tool.run([
      "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Tool.autosquash, "setup",
    ])
    #expect(
      student.status == 1
        && student.errors == "autosquash: setup needs root; --dry-run shows what it would do\n",
      "\(student.summary)")
  }

  @Test func nothingOutsideTheRootIsTouched() throws {
    for link in ["etc/auto.master.d", "var/lib/autosquash", "etc/systemd"] {
      try Tool.check(
        [
          "sh", "-ec",
          "rm -rf root outside; mkdir -p root/etc root/var/lib outside; ln -s $PWD/outside root/\(link)",
        ], in: folder.root)
      for arguments in [[], ["--remove"]] {
        let refused = try Tool.run(
          [Tool.autosquash, "setup", "--root", folder.path("root")] + arguments)
        #expect(
          refused.status == 1
            && refused.errors.contains("setup does not follow links below --root"),
          "\(link) \(arguments): \(refused.summary)")
        #expect(folder.names(in: "outside") == [])
      }
    }
    #expect(try Tool.autosquash("setup", "--root", "", "--dry-run").status == 64)
  }

  @Test func anotherSystemNeedsNoPrograms() throws {
    func run(_ arguments: String...) throws -> Tool.Result {
      try Tool.run(
        [Tool.autosquash, "setup", "--root", folder.path("root")] + arguments,
        environment: ["PATH": "/nonexistent"])
    }
    try add("bin/autosquash", "libexec/autosquash/autosquash-map", "sbin/automount", "bin/s3fs")
    let done = try run()
    #expect(done.status == 0 && done.errors.isEmpty, "\(done.summary)")
    #expect(
      try Tool.check(["readlink", folder.path("root" + timerLink)]).text
        == "/etc/systemd/system/autosquash-refresh.timer\n")
    // systemd accepts it as its own work.
    let enabled = try Tool.run([
      "systemctl", "--root", folder.path("root"), "is-enabled", "autosquash-refresh.timer",
    ])
    #expect(enabled.text == "enabled\n", "\(enabled.summary)")
    let removed = try run("--remove")
    #expect(removed.status == 0, "\(removed.summary)")
    #expect(try files() == [])
  }

  /// Each case: what the system has, the prefix in the files, and the warning.
  @Test(
    arguments: [
      ([], "/usr", ["/root/usr/bin/autosquash is missing", "automount, ", "s3fs, "]),
      (
        ["bin/autosquash", "sbin/automount", "local/bin/s3fs"], "/usr",
        ["autosquash-map is missing"]
      ),
      (
        ["local/bin/autosquash", "local/libexec/autosquash/autosquash-map", "bin/s3fs"],
        "/usr/local",
        ["automount, the automounter, is not installed in "]
      ),
      (
        ["bin/autosquash", "libexec/autosquash/autosquash-map", "sbin/automount"], "/usr",
        ["s3fs, which mounts the bucket, is not installed in "]
      ),
    ] as [([String], String, [String])])
  func filesNameTheProgramOfTheirSystem(
    programs: [String], prefix: String, warnings: [String]
  ) throws {
    for program in programs { try add(program) }
    // As with a merged /usr, whose links are not followed.
    try Tool.check(["ln", "-s", "usr/sbin", "root/sbin"], in: folder.root)
    let done = try setup()
    #expect(done.status == 0, "\(done.summary)")
    #expect(
      try text("/etc/systemd/system/autosquash-refresh.service").contains(
        "\nExecStart=\(prefix)/bin/autosquash refresh"))
    let last = "\n+program:\(prefix)/libexec/autosquash/autosquash-map\n"
    #expect(try text("/var/lib/autosquash/maps/top").hasSuffix(last))
    let lines = done.errors.split(separator: "\n")
    #expect(lines.count == warnings.count, "\(done.summary)")
    for (line, warning) in zip(lines, warnings) {
      #expect(
        line.hasPrefix("autosquash: warning: ") && line.contains(warning)
          && line.contains(folder.path("root")) && line.contains("; sudo "), "\(line)")
    }
    // Lists that lead elsewhere, written by another program of this kind, are corrected.
    try folder.write(
      "root/var/lib/autosquash/maps/top", Array("# x\n+program:/build/autosquash-map\n".utf8))
    let again = try setup()
    #expect(again.text.hasSuffix("maps/top: the list of images, still empty.\n"))
    #expect(try text("/var/lib/autosquash/maps/top").hasSuffix(last))
    #expect(try setup().text == "Nothing to change: everything is in place.\n")
  }

  /// A chroot may lack /proc, which shows where the program is.
  @Test func theProgramIsFoundWithoutProc() throws {
    let bin = URL(fileURLWithPath: Tool.autosquash).deletingLastPathComponent().path
    func told(_ call: String) throws -> Tool.Result {
      try Tool.run(
        ["unshare", "-m", "sh", "-ec", "mount -t tmpfs none /proc; cd \(bin); \(call)"])
    }
    for call in ["./autosquash", "PATH=.:$PATH autosquash", Tool.autosquash] {
      let found = try told("\(call) setup --dry-run")
      // Without systemd, no file on a machine that lists its images names it.
      #expect(
        found.status == 0
          && found.text.contains("ExecStart=\(Tool.autosquash) ")
            == found.text.contains("ExecStart="),
        "\(call): \(found.summary)")
    }
    // Started from an open file, it has no path.
    let lost = try told(
      """
      python3 -c 'import os
      file = os.open("autosquash", os.O_RDONLY)
      os.set_inheritable(file, True)
      os.execve(file, ["autosquash", "setup", "--dry-run"], os.environ)'
      """)
    #expect(
      lost.status == 1
        && lost.errors.hasPrefix(
          "autosquash: cannot find this program: /proc is not mounted"),
      "\(lost.summary)")
  }

  @Test func settingsAreBytes() throws {
    let path = Array("/srv/caf".utf8) + [0xe9]
    let done = try Tool.run(
      bytes: ["\(Tool.autosquash)", "setup", "--root", folder.path("root"), "--images"].map {
        Array($0.utf8)
      } + [path])
    #expect(done.status == 0, "\(done.summary)")
    #expect(try setup("--timeout", "60").status == 0)
    let line = Array("images = ".utf8) + path
    #expect(
      try folder.read("root/etc/autosquash.conf").split(separator: UInt8(ascii: "\n"))
        .contains(line[...]))
    // Another system's line endings stay.
    try folder.write(
      "root/etc/autosquash.conf",
      Array("# Written by 'autosquash setup'.\r\ntimeout = 5\r\nfolders = no\r\n".utf8))
    #expect(try setup("--timeout", "70").status == 0)
    #expect(
      try text("/etc/autosquash.conf")
        == "# Written by 'autosquash setup'.\r\ntimeout = 70\r\nfolders = no\r\n")
  }
}

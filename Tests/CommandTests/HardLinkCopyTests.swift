import Foundation
import TestSupport
import Testing

/// `extract` where hard links cannot be: over the ends of file systems, and on those without any.
@Suite struct HardLinkCopyTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try sh(
      """
      mkdir -p r/a r/b r/c
      (seq 1 60000; head -c 400000 /dev/zero; echo end) > r/a/file
      chown 1000:2000 r/a/file; chmod 4751 r/a/file; touch -d @1500000000 r/a/file
      setfattr -n user.comment -v hello r/a/file
      ln -s nowhere r/a/soft; mkfifo r/a/pipe; : > r/a/empty
      for name in file soft pipe empty; do
        ln -P r/a/$name r/b/$name; ln -P r/a/$name r/b/$name-2; ln -P r/a/$name r/c/$name
      done
      touch -d @1400000000 r/b r/c
      '\(Tool.autosquash)' pack r -o x.squash -q --ownership keep --block-size 16K
      """)
  }

  private func sh(_ script: String) throws {
    try Tool.check(["sh", "-ec", script], in: folder.root)
  }

  /// The tree with all files apart, which is what a mount point's and a copy's have in common.
  private func apart(_ path: String) throws -> Snapshot {
    var snapshot = try Snapshot(of: folder.path(path)).mapping {
      $0.links = 0
      $0.linkGroup = []
    }
    // Mount points are others' directories, and the top is one that was there.
    for name in ["", "b"] { snapshot.entries[Array(name.utf8)] = nil }
    return snapshot
  }

  @Test(arguments: [false, true]) func fileSystemsInTheTargetGetCopies(isForced: Bool) throws {
    try sh("mkdir -p out/b; mount -t tmpfs none out/b")
    defer { _ = try? Tool.run(["umount", "-l", folder.path("out/b")]) }
    let command = [Tool.autosquash, "extract", "x.squash", "-C", "out"]
    var result = try Tool.run(command, in: folder.root)
    if isForced { result = try Tool.run(command + ["--force"], in: folder.root) }
    #expect(result.status == 0, "\(result.summary)")
    // Of each of four files one; the second name there is a link to it.
    #expect(
      result.errors.contains(
        "warning: 4 hard links became copies, as their file systems cannot have the links"),
      "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 2, "\(result.errors)")
    #expect(try apart("out").differences(from: apart("r")) == [])
    for name in ["file", "soft", "pipe", "empty"] {
      let links = try Tool.check(
        ["stat", "-c", "%h %i", "out/b/\(name)", "out/b/\(name)-2", "out/c/\(name)"],
        in: folder.root
      ).text.split(separator: "\n")
      #expect(links.count == 3 && links[0] == links[1] && links[2].hasPrefix("2 "), "\(links)")
    }
    let holes = try Tool.check(["stat", "-c", "%b", "out/b/file"], in: folder.root).text
    #expect(Int(holes.dropLast()).map { $0 < 1000 } == true, "\(holes)")
  }

  /// The same mount twice in the target: no link can go from one to the other.
  @Test func bindMountsGetCopies() throws {
    try sh("mkdir -p other out/b; mount --bind other out/b")
    defer { _ = try? Tool.run(["umount", "-l", folder.path("out/b")]) }
    let result = try Tool.autosquash("extract", "x.squash", "-C", "out", in: folder.root)
    #expect(result.status == 0 && result.errors.contains("4 hard links"), "\(result.summary)")
    #expect(try apart("out").differences(from: apart("r")) == [])
  }

  /// What file systems without hard links, and with too many of them, say.
  @Test(arguments: ["EPERM", "EMLINK", "EOPNOTSUPP"])
  func fileSystemsWithoutLinksGetCopies(code: String) throws {
    try folder.write(
      "shim.c",
      Array(
        """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int linkat(int from, const char *old, int to, const char *new, int flags) {
          if (flags) return syscall(SYS_linkat, from, old, to, new, flags);
          errno = \(code);
          return -1;
        }

        """.utf8))
    try sh("clang -shared -fPIC shim.c -o shim.so")
    let result = try Tool.run(
      [Tool.autosquash, "extract", "x.squash", "-C", "out"], in: folder.root,
      environment: ["LD_PRELOAD": folder.path("shim.so")])
    #expect(result.status == 0 && result.errors.contains("12 hard links"), "\(result.summary)")
    #expect(try apart("out").differences(from: apart("r")) == [])
    #expect(
      try Tool.check(["find", "out", "-type", "f", "-links", "+1"], in: folder.root).text == "")
  }
}

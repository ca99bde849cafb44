import Foundation
import TestSupport
import Testing

/// `extract` where hard links are impossible: across file systems, and on those without any.
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

  /// The tree with all files separate, the form common to a mount point's and a copy's.
  private func apart(_ path: String) throws -> Snapshot {
    var snapshot = try Snapshot(of: folder.path(path)).mapping {
      $0.links = 0
      $0.linkGroup = []
    }
    // Mount points are others' directories, and the top existed before.
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
    // One of each four files; the second name there is a link to it.
    #expect(
      result.errors.contains(
        "warning: 4 hard links became copies: their file systems do not allow the links"),
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

  /// The environment for a program whose later links are made by this C statement.
  private func shim(_ statement: String) throws -> [String: String] {
    try folder.write(
      "shim.c",
      Array(
        """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int linkat(int from, const char *old, int to, const char *new, int flags) {
          struct stat status;
          int follows = flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW;
          int is_new = fstatat(from, old, &status, follows | (flags & AT_EMPTY_PATH)) == 0
            && status.st_nlink == 0;
          if (!is_new) { \(statement) }
          return syscall(SYS_linkat, from, old, to, new, flags);
        }

        """.utf8))
    try sh("clang -shared -fPIC shim.c -o shim.so")
    return ["LD_PRELOAD": folder.path("shim.so")]
  }

  /// The errors of file systems without hard links, and with too many of them.
  @Test(arguments: ["EPERM", "EMLINK", "EOPNOTSUPP"])
  func fileSystemsWithoutLinksGetCopies(code: String) throws {
    let result = try Tool.run(
      [Tool.autosquash, "extract", "x.squash", "-C", "out"], in: folder.root,
      environment: shim("errno = \(code); return -1;"))
    #expect(result.status == 0 && result.errors.contains("12 hard links"), "\(result.summary)")
    #expect(try apart("out").differences(from: apart("r")) == [])
    #expect(
      try Tool.check(["find", "out", "-type", "f", "-links", "+1"], in: folder.root).text == "")
  }

  /// If linking by descriptor fails, it goes through /proc, and finally by name.
  @Test(arguments: ["flags & AT_EMPTY_PATH", "flags"])
  func linksAreMadeWithoutRights(refused: String) throws {
    let result = try Tool.run(
      [Tool.autosquash, "extract", "x.squash", "-C", "out"], in: folder.root,
      environment: shim("if (\(refused)) { errno = ENOENT; return -1; }"))
    #expect(result.status == 0, "\(result.summary)")
    #expect(
      try Snapshot(of: folder.path("out")).differences(from: Snapshot(of: folder.path("r"))) == [])
  }

  /// By name only: a file exchanged just before gets no other name.
  @Test func anExchangedNameIsNotLinked() throws {
    let exchange = "unlinkat(from, old, 0); symlinkat(\"evil\", from, old);"
    let result = try Tool.run(
      [Tool.autosquash, "extract", "x.squash", "-C", "out"], in: folder.root,
      environment: shim("if (flags) { errno = ENOENT; return -1; } \(exchange)"))
    #expect(
      result.status == 1
        && result.errors.contains("out/b/file: hard link to a file that was replaced meanwhile"),
      "\(result.summary)")
    #expect(folder.names(in: "out/b") == [] && folder.names(in: "out/c") == [])
  }

  /// Somebody who may write where the first names are replaces them with their own files, just when
  /// they are made.
  @Test func whatIsExchangedAtOnceIsNotLinked() throws {
    try folder.write(
      "race.c",
      Array(
        """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <string.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        int linkat(int from, const char *old, int to, const char *new, int flags) {
          int result = syscall(SYS_linkat, from, old, to, new, flags);
          if (result == 0 && strncmp(old, "/proc/self/fd/", 14) == 0) {
            unlinkat(to, new, 0);
            close(openat(to, new, O_CREAT | O_WRONLY, 0644));
          }
          return result;
        }
        int symlinkat(const char *target, int folder, const char *name) {
          int result = syscall(SYS_symlinkat, target, folder, name);
          unlinkat(folder, name, 0);
          syscall(SYS_symlinkat, "evil", folder, name);
          return result;
        }
        int mknodat(int folder, const char *name, mode_t mode, dev_t device) {
          int result = syscall(SYS_mknodat, folder, name, mode, device);
          unlinkat(folder, name, 0);
          syscall(SYS_mknodat, folder, name, mode, device);
          fchownat(folder, name, 1234, 1234, 0);
          return result;
        }

        """.utf8))
    try sh("clang -shared -fPIC race.c -o race.so; mkdir -p out/a")
    let result = try Tool.run(
      [Tool.autosquash, "extract", "x.squash", "-C", "out"], in: folder.root,
      environment: ["LD_PRELOAD": folder.path("race.so")])
    #expect(result.status == 1, "\(result.summary)")
    for name in ["soft", "pipe"] {
      #expect(
        result.errors.contains("out/a/\(name): was replaced during extraction"),
        "\(result.summary)")
    }
    #expect(result.errors.contains("out/b/file: hard link to a file that was replaced meanwhile"))
    #expect(folder.names(in: "out/b") == [] && folder.names(in: "out/c") == [])
  }
}

import Foundation
import Glibc
import TestSupport
import Testing

/// A disk that fails while results are written: the error names the file, existing files stay, and
/// nothing incomplete gets a final name.
@Suite struct BrokenDiskTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(
      "shim.c",
      Array(
        """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <stdarg.h>
        #include <stdatomic.h>
        #include <stdlib.h>
        #include <string.h>
        #include <stdio.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        // Whether this call is the one to fail, on what lies in the folder `out`.
        static int fails(const char *call, int file) {
          static atomic_int count;
          char name[64], path[4096] = "";
          if (strcmp(call, getenv("CALL")) != 0) return 0;
          snprintf(name, sizeof name, "/proc/self/fd/%d", file);
          if (file >= 0 && (readlink(name, path, sizeof path - 1) < 0 || !strstr(path, "/out")))
            return 0;
          if (atomic_fetch_add(&count, 1) != atoi(getenv("NUMBER"))) return 0;
          syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, getenv("MARK"), O_CREAT | O_WRONLY, 0600));
          errno = EIO;
          return 1;
        }
        #define FAIL(call, file) if (fails(call, file)) return -1
        ssize_t write(int file, const void *bytes, size_t count) {
          FAIL("write", file);
          return syscall(SYS_write, file, bytes, count);
        }
        ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
          FAIL("pwrite", file);
          return syscall(SYS_pwrite64, file, bytes, count, offset);
        }
        int fsync(int file) { FAIL("fsync", file); return syscall(SYS_fsync, file); }
        int ftruncate(int file, off_t size) {
          FAIL("ftruncate", file);
          return syscall(SYS_ftruncate, file, size);
        }
        // As on a network: with a first close the bytes would go, and they are lost.
        int close(int file) {
          static atomic_ulong closed[1000];
          struct stat status;
          int flags = fcntl(file, F_GETFL);
          if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && (flags & O_ACCMODE) != O_RDONLY
              && !(flags & O_PATH) && closed[status.st_ino % 1000] != status.st_ino) {
            closed[status.st_ino % 1000] = status.st_ino;
            if (!fails("close", file)) return syscall(SYS_close, file);
            syscall(SYS_ftruncate, file, 0);
            syscall(SYS_close, file);
            errno = EIO;
            return -1;
          }
          return syscall(SYS_close, file);
        }
        int linkat(int from, const char *old, int to, const char *new, int flags) {
          FAIL("linkat", to == AT_FDCWD ? -1 : to);
          return syscall(SYS_linkat, from, old, to, new, flags);
        }
        int renameat(int from, const char *old, int to, const char *new) {
          FAIL("rename", -1);
          return syscall(SYS_renameat, from, old, to, new);
        }
        int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
          FAIL("rename", -1);
          return syscall(SYS_renameat2, from, old, to, new, flags);
        }
        int mkdirat(int folder, const char *name, mode_t mode) {
          FAIL("mkdirat", folder);
          return syscall(SYS_mkdirat, folder, name, mode);
        }
        int symlinkat(const char *target, int folder, const char *name) {
          FAIL("symlinkat", folder);
          return syscall(SYS_symlinkat, target, folder, name);
        }

        """.utf8))
    try sh(
      """
      clang -shared -fPIC shim.c -o shim.so
      mkdir -p tree/d; head -c 300000 /dev/urandom > tree/noise; seq 40000 > tree/numbers
      echo x > tree/x; echo y > tree/d/y; ln -s x tree/d/link; ln tree/x tree/d/x; ln tree/noise tree/d/n
      '\(Tool.autosquash)' pack tree -o x.squash -q --manifest
      """)
  }

  private func sh(_ script: String) throws {
    try Tool.check(["sh", "-ec", script], in: folder.root)
  }

  /// - Returns: `nil` if there are fewer such calls.
  private func run(_ command: String, _ call: String, _ number: Int) throws -> Tool.Result? {
    unlink(folder.path("mark"))
    let result = try Tool.run(
      [Tool.autosquash] + command.split(separator: " ").map(String.init), in: folder.root,
      environment: [
        "LD_PRELOAD": folder.path("shim.so"), "CALL": call, "NUMBER": "\(number)",
        "MARK": folder.path("mark"),
      ])
    return folder.exists("mark") ? result : nil
  }

  /// Files that exist completely or not at all.
  @Test(arguments: [
    "pack tree -o out/r --force --manifest", "manifest x.squash -o out/r --force",
    "extract x.squash --to-tar out/r.xz --force",
  ])
  func resultsAreWholeOrAsBefore(command: String) throws {
    let names =
      command.hasPrefix("pack") ? ["r", "r.mtree"] : [command.contains("xz") ? "r.xz" : "r"]
    try sh("mkdir out")
    #expect(
      try Tool.run(
        [Tool.autosquash] + command.split(separator: " ").map(String.init), in: folder.root
      ).status == 0)
    let whole = try names.map { try folder.read("out/\($0)") }
    var failures = 0
    for isThere in [true, false] {
      for call in ["write", "pwrite", "fsync", "ftruncate", "linkat", "rename"] {
        for number in [0, 1] {
          for name in folder.names(in: "out") { unlink(folder.path("out/\(name)")) }
          if isThere { for name in names { try folder.write("out/\(name)", [1, 2, 3]) } }
          guard let result = try run(command, call, number) else { break }
          failures += 1
          #expect(result.status == 1, "\(command), \(call) \(number): \(result.summary)")
          #expect(
            result.errors.contains("out/r") && result.errors.contains("Input/output error"),
            "\(command), \(call) \(number): \(result.summary)")
          for (name, whole) in zip(names, whole) where folder.exists("out/\(name)") {
            let content = try folder.read("out/\(name)")
            #expect(
              content == whole || (isThere && content == [1, 2, 3]), "\(command), \(call) \(number)"
            )
          }
          #expect(folder.names(in: "out").allSatisfy { names.contains($0) })
        }
      }
    }
    #expect(failures > 5)
  }

  /// Trees that are complete file by file.
  @Test(arguments: [false, true]) func filesAreWholeOrNotThere(replaces: Bool) throws {
    let command = "extract x.squash -C out" + (replaces ? " --force" : "")
    var failures = 0
    for call in [
      "write", "pwrite", "close", "ftruncate", "linkat", "rename", "mkdirat", "symlinkat",
    ] {
      for number in [0, 1, 2] {
        try sh(
          "rm -rf out; mkdir out; \(replaces) || exit 0; mkdir out/d; "
            + "for f in x noise d/y; do echo old > out/$f; done")
        guard let result = try run(command, call, number) else { break }
        failures += 1
        #expect(
          result.status == 1 && result.errors.contains("Input/output error"),
          "\(call) \(number): \(result.summary)")
        #expect(result.errors.contains("out/"), "\(call) \(number): \(result.summary)")
        for name in ["x", "noise", "numbers", "d/x", "d/y", "d/n"]
        where folder.exists("out/\(name)") {
          let content = try folder.read("out/\(name)")
          let isWhole = try content == folder.read("tree/\(name)")
          #expect(
            isWhole || (replaces && content == Array("old\n".utf8)), "\(call) \(number): \(name)")
        }
        #expect(
          folder.names(in: "out").allSatisfy { !$0.hasPrefix(".") }
            && folder.names(in: "out/d").allSatisfy { !$0.hasPrefix(".") }, "\(call) \(number)")
      }
    }
    #expect(failures > 10)
  }

  /// If standard output is a file, an error at its end is reported too.
  @Test(arguments: ["write", "close"]) func standardOutputIsWatched(call: String) throws {
    let result = try Tool.run(
      ["sh", "-c", "mkdir out; exec '\(Tool.autosquash)' cat x.squash x > out/x"], in: folder.root,
      environment: [
        "LD_PRELOAD": folder.path("shim.so"), "CALL": call, "NUMBER": "0",
        "MARK": folder.path("mark"),
      ])
    #expect(
      result.status == 1
        && result.errors.contains("cannot write to standard output: Input/output error"),
      "\(result.summary)")
  }
}

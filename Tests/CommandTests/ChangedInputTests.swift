import Foundation
import TestSupport
import Testing

/// Inputs that change while they are read: no mixture of two versions may pass for either. A
/// preloaded library makes the change after a quarter of the file has been read.
@Suite struct ChangedInputTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("hook.c", Array(Self.hook.utf8))
    try sh(
      """
      mkdir -p d/sub other
      seq 1 60000 > d/f; echo a > d/a; echo g > d/sub/g; echo o > other/o
      touch -d @1500000000 d/*
      tar -cf in.tar d
      printf '#mtree\\nf type=file contents=d/f\\n' > in.mtree
      '\(Tool.autosquash)' pack d -o x.squash -q; cp x.squash y.squash
      cc -shared -fPIC -o hook.so hook.c
      """)
  }

  private static let hook = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stdlib.h>
    #include <sys/stat.h>
    #include <unistd.h>
    static void change(int fd, ssize_t count) {
      static ssize_t total;
      static int done;
      struct stat a, b;
      if (done || count < 1 || !getenv("CHANGED") || fstat(fd, &a) || stat(getenv("CHANGED"), &b)
          || a.st_ino != b.st_ino || a.st_dev != b.st_dev) return;
      if ((total += count) < a.st_size / 4) return;
      done = 1;
      unsetenv("LD_PRELOAD");
      if (system(getenv("CHANGE"))) abort();
    }
    #define WRAP(name, parameters, arguments) \\
      ssize_t name parameters { \\
        ssize_t (*real) parameters = dlsym(RTLD_NEXT, #name); \\
        ssize_t count = real arguments; \\
        change(fd, count); \\
        return count; \\
      }
    WRAP(read, (int fd, void *to, size_t n), (fd, to, n))
    WRAP(pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
    WRAP(pread64, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))

    """

  private func sh(_ script: String) throws {
    try Tool.check(["sh", "-ec", script], in: folder.root)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var command: String
    var file: String
    var change: String
    var status: Int32
    var message: String

    init(_ command: String, _ file: String, _ change: String, _ status: Int32, _ message: String) {
      (self.command, self.file, self.change) = (command, file, change)
      (self.status, self.message) = (status, message)
    }

    var testDescription: String { "\(command): \(change)" }
  }

  /// Same size, same time.
  private static func rewrite(_ file: String) -> String {
    "printf X | dd of=\(file) bs=1 seek=3000 conv=notrunc status=none; touch -d @1500000000 \(file)"
  }

  static let cases = [
    Case("pack d -o o.squash", "d/f", rewrite("d/f"), 1, "d/f: changed while it was read"),
    Case("pack d -o o.squash", "d/f", "echo >> d/f", 1, "d/f: changed while it was read"),
    Case("pack d -o o.squash", "d/f", "truncate -s 9000 d/f", 1, "d/f: changed while it was read"),
    Case("pack d -o o.squash", "d/f", "chmod 600 d/f", 1, "d/f: changed while it was read"),
    Case("pack d -o o.squash", "d/f", "touch d/new", 1, "d: changed while it was read"),
    Case("pack d -o o.squash", "d/f", "rm d/a", 1, "d: changed while it was read"),
    Case("pack d -o o.squash", "d/f", "mv d/sub d/subway", 1, "d/sub: disappeared"),
    Case("pack d -o o.squash", "d/sub/g", "mv d/sub/g d/sub/h", 1, "d/sub/g: changed while"),
    Case("pack d -o o.squash", "d/f", "touch d/sub/new other/o", 0, "files and directories"),
    Case(
      "pack d -o o.squash --ignore-unreadable", "d/f", rewrite("d/f"), 1,
      "1 file could not be read and is not in the image"),
    Case(
      "pack d -o o.squash --ignore-unreadable", "d/f", "touch d/new", 1,
      "1 directory changed while it was read: the image may lack"),
    Case("pack in.tar -o o.squash", "in.tar", rewrite("in.tar"), 1, "in.tar: changed while"),
    Case("pack in.mtree -o o.squash", "d/f", rewrite("d/f"), 1, "f: changed while it was read"),
    Case("verify x.squash", "x.squash", rewrite("x.squash"), 2, "x.squash: changed while"),
    Case(
      "verify x.squash --against d", "d/f", "mv y.squash x.squash", 2, "x.squash: changed while"),
    Case("verify x.squash --against d", "d/f", rewrite("d/f"), 2, "d/f: changed while"),
    Case("verify x.squash --against d", "d/f", "touch other/o", 0, "whole"),
    Case("cat x.squash f", "x.squash", rewrite("x.squash"), 2, "x.squash: changed while"),
    Case("extract x.squash -C out", "x.squash", "chmod 600 x.squash", 2, "x.squash: changed while"),
    Case(
      "extract x.squash --to-tar o.tar", "x.squash", "chmod 600 x.squash", 2,
      "x.squash: changed while"),
    Case("diff x.squash d", "x.squash", "chmod 600 x.squash", 2, "x.squash: changed while"),
    Case("diff x.squash d", "d/f", rewrite("d/f"), 2, "d/f: changed while"),
    Case("manifest d", "d/f", rewrite("d/f"), 2, "d/f: changed while"),
  ]

  @Test(arguments: cases) func mixturesAreErrors(of test: Case) throws {
    let result = try Tool.run(
      [Tool.autosquash] + test.command.split(separator: " ").map(String.init), in: folder.root,
      environment: [
        "LD_PRELOAD": folder.path("hook.so"), "CHANGED": folder.path(test.file),
        "CHANGE": test.change,
      ])
    #expect(result.status == test.status, "\(result.summary)")
    #expect((result.text + result.errors).contains(test.message), "\(result.summary)")
    #expect(!folder.exists("o.tar"))
    let isMade = test.status == 0 || test.command.contains("--ignore-unreadable")
    #expect(folder.exists("o.squash") == (isMade && test.command.hasPrefix("pack")))
  }
}

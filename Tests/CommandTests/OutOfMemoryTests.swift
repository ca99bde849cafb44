import Foundation
import Glibc
import TestSupport
import Testing

/// Every command with less memory than it needs: it says so and leaves nothing half-written.
@Suite(.enabled(if: !Tool.isSanitized, "the sanitizers need terabytes of addresses"))
struct OutOfMemoryTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try sh(
      """
      mkdir tree; head -c 200000 /dev/urandom > tree/noise; seq 60000 > tree/numbers
      for i in $(seq 100); do echo $i > tree/f$i; done
      for c in xz gzip zstd lz4; do
        '\(Tool.autosquash)' pack tree -o $c.squash -q --compression $c
      done
      '\(Tool.autosquash)' manifest xz.squash -o xz.mtree
      tar -cf x.tar tree; gzip -k x.tar; xz -k x.tar; zstd -q x.tar; bzip2 -k x.tar
      """)
  }

  private func sh(_ script: String) throws {
    try Tool.check(["sh", "-ec", script], in: folder.root)
  }

  /// Runs the program within a limit of some mebibytes of addresses.
  private func run(_ command: String, mebibytes: Int) throws -> Tool.Result {
    try Tool.run(
      [
        "sh", "-c", "ulimit -v \(mebibytes << 10); exec '\(Tool.autosquash)' \(command)",
      ], in: folder.root)
  }

  /// Makes a library of functions to replace the C library's; a large `malloc` in one of them ends
  /// the program for lack of memory.
  private func shim(_ functions: String) throws {
    try folder.write(
      "shim.c",
      Array(
        """
        #define _GNU_SOURCE
        #include <stdatomic.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        static void *volatile much;
        \(functions)

        """.utf8))
    try sh("clang -shared -fPIC shim.c -o shim.so")
  }

  private func runWithShim(_ command: String) throws -> Tool.Result {
    try Tool.run(
      [
        "sh", "-c",
        "ulimit -v 8000000; LD_PRELOAD=./shim.so exec '\(Tool.autosquash)' \(command)",
      ], in: folder.root)
  }

  /// The least with which the program starts at all; with less, the dynamic linker says so.
  private func floor() throws -> Int {
    var high = 16
    while try run("--version", mebibytes: high).status != 0 { high *= 2 }
    var low = high / 2
    while low + 1 < high {
      let middle = (low + high) / 2
      if try run("--version", mebibytes: middle).status == 0 { high = middle } else { low = middle }
    }
    return high
  }

  private static let commands = [
    "pack tree -o out/x --compression xz --manifest", "pack tree -o out/x --compression gzip",
    "pack tree -o out/x --compression zstd", "pack x.tar.gz -o out/x --compression lz4",
    "pack x.tar.xz -o out/x", "pack x.tar.zst -o out/x", "pack x.tar.bz2 -o out/x --threads 1",
    "extract xz.squash -C out/d", "extract gzip.squash -C out/d --force",
    "extract zstd.squash -C out/d --threads 8", "extract lz4.squash --to-tar out/x.tar.xz",
    "verify xz.squash --against tree", "verify xz.squash --manifest xz.mtree",
    "diff zstd.squash tree", "manifest xz.squash -o out/x", "cat xz.squash numbers",
  ]

  @Test func everyCommandSaysSoAndLeavesNothingHalfWritten() throws {
    let floor = try floor()
    var failed: Set<String> = []
    for command in Self.commands {
      for more in [0, 5, 10, 18] {
        try? FileManager.default.removeItem(atPath: folder.path("out"))
        mkdir(folder.path("out"), 0o755)
        let result = try run(command, mebibytes: floor + more)
        if result.status == 0 { continue }
        failed.insert(command)
        #expect(
          [1, 2].contains(result.status) && result.errors.contains("not enough memory"),
          "\(command) with \(floor + more) MiB: \(result.summary)")
        // For comparisons, 1 has another meaning.
        if more > 0, ["verify", "diff"].contains(where: command.hasPrefix) {
          #expect(result.status == 2, "\(command): \(result.summary)")
        }
        #expect(folder.names(in: "out").filter { $0 != "d" } == [], "\(command)")
        for name in folder.names(in: "out/d") {
          let isWhole = try folder.read("out/d/\(name)") == folder.read("tree/\(name)")
          #expect(isWhole, "\(command): \(name)")
        }
      }
    }
    #expect(failed.count > Self.commands.count / 2)
  }

  /// On file systems without unnamed files, hidden ones are removed.
  @Test(.enabled(if: Tool.exists("bindfs"))) func noHiddenNameStays() throws {
    try shim(
      """
      ssize_t write(int file, const void *bytes, size_t count) {
        if (file > 2) much = malloc((size_t)1 << 40);
        return syscall(SYS_write, file, bytes, count);
      }
      ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
        much = malloc((size_t)1 << 40);
        return -1;
      }
      """)
    try sh("mkdir real out; bindfs real out")
    defer { _ = try? Tool.run(["fusermount3", "-uz", folder.path("out")]) }
    for command in ["extract xz.squash -C out", "pack tree -o out/x", "manifest tree -o out/x"] {
      let result = try runWithShim(command)
      #expect(
        result.status == 1 && result.errors.contains("not enough memory"), "\(result.summary)")
      #expect(folder.names(in: "real") == [], "\(command)")
    }
  }

  /// Memory runs out on one thread in the middle of a small file, while another thread is in one
  /// too: the first file is removed, the second completed.
  @Test func smallFilesAreWholeOrGone() throws {
    try shim(
      """
      ssize_t write(int file, const void *bytes, size_t count) {
        static atomic_int turns, is_other_there;
        if (file > 2) {
          int turn = atomic_fetch_add(&turns, 1);
          if (turn == 0) {
            while (!is_other_there) usleep(1000);
            usleep(100000);
          } else if (turn == 1) {
            is_other_there = 1;
            much = malloc((size_t)1 << 40);
          }
        }
        return syscall(SYS_write, file, bytes, count);
      }
      """)
    try sh(
      """
      mkdir -p two/a two/b out; echo x > two/a/x; echo x > two/b/x
      '\(Tool.autosquash)' pack two -o two.squash -q
      """)
    let result = try runWithShim("extract two.squash -C out/d --threads 2")
    #expect(result.status == 1, "\(result.summary)")
    #expect(
      result.errors
        == "autosquash: not enough memory; free some, or raise its limit (ulimit -v), "
        + "or use fewer threads (--threads 1)\n")
    let files = try Tool.check(["find", "out", "-type", "f"], in: folder.root).text
    #expect(files == "out/d/a/x\n" || files == "out/d/b/x\n", "\(files)")
    try sh("cmp two/a/x out/d/*/x")
  }

  /// The program does without threads that cannot start.
  @Test func fewerThreadsDoAsWell() throws {
    try folder.write(
      "shim.c",
      Array(
        """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <pthread.h>
        #include <stdlib.h>
        int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) {
          static int count;
          if (count++ >= atoi(getenv("MOST_THREADS"))) return EAGAIN;
          int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
            dlsym(RTLD_NEXT, "pthread_create");
          return create(t, a, f, x);
        }

        """.utf8))
    try sh("clang -shared -fPIC shim.c -o shim.so; mkdir out")
    func run(_ most: Int, _ arguments: String...) throws -> Tool.Result {
      try Tool.run(
        [Tool.autosquash] + arguments, in: folder.root,
        environment: ["LD_PRELOAD": folder.path("shim.so"), "MOST_THREADS": "\(most)"])
    }
    let packed = try run(1, "pack", "tree", "-o", "out/x.squash", "--threads", "8")
    #expect(packed.status == 0, "\(packed.summary)")
    #expect(try folder.read("out/x.squash") == folder.read("xz.squash"))
    let extracted = try run(2, "extract", "xz.squash", "-C", "out/d", "--threads", "8")
    #expect(extracted.status == 0, "\(extracted.summary)")
    try sh("diff -r tree out/d")
    for command in [["pack", "tree", "-o", "out/y"], ["extract", "xz.squash", "-C", "out/y"]] {
      let result = try Tool.run(
        [Tool.autosquash] + command, in: folder.root,
        environment: ["LD_PRELOAD": folder.path("shim.so"), "MOST_THREADS": "0"])
      #expect(
        result.status == 1
          && result.errors.contains("cannot start a thread (not enough memory, or too many"),
        "\(result.summary)")
      #expect(folder.names(in: "out").filter { $0.hasPrefix(".") } == [])
    }
  }
}

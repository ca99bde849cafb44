import TestSupport
import Testing

/// An image and its manifest are two files: an interruption of `pack` between them is reported, and
/// the next run repairs it.
@Suite struct InterruptedManifestTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    // Kills the program right after it has given a file its name.
    try folder.write(
      "kill.c",
      Array(
        """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <signal.h>
        #include <stdlib.h>
        #include <string.h>
        #include <unistd.h>
        #define WRAP(name, parameters, arguments) \\
          int name parameters { \\
            int (*real) parameters = dlsym(RTLD_NEXT, #name); \\
            int status = real arguments; \\
            if (!status && !strcmp(to, getenv("NAME"))) raise(SIGKILL); \\
            return status; \\
          }
        WRAP(linkat, (int a, const char *b, int c, const char *to, int f), (a, b, c, to, f))
        WRAP(renameat2, (int a, const char *b, int c, const char *to, unsigned f), (a, b, c, to, f))

        """.utf8))
    try Tool.check(
      [
        "sh", "-ec",
        """
        cc -shared -fPIC -o kill.so kill.c
        mkdir old new; echo old > old/f; seq 1 9999 > new/f
        """,
      ], in: folder.root)
  }

  private func run(_ arguments: String..., killedAt name: String? = nil) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash] + arguments, in: folder.root,
      environment: name.map { ["LD_PRELOAD": folder.path("kill.so"), "NAME": $0] } ?? [:])
  }

  /// The pair from an undisturbed run on `new`.
  private func expected() throws -> (image: [UInt8], manifest: [UInt8]) {
    _ = try run("pack", "new", "-o", "x.squash", "--manifest", "-f")
    return (try folder.read("x.squash"), try folder.read("x.mtree"))
  }

  @Test(arguments: [false, true]) func pairsThatDoNotBelongTogetherAreToldAndMended(skips: Bool)
    throws
  {
    let expected = try expected()
    _ = try run("pack", "old", "-o", "x.squash", "--manifest", "-f")
    let old = try folder.read("x.mtree")
    let killed = try run(
      "pack", "new", "-o", "x.squash", "--manifest", "-f", killedAt: "x.squash")
    #expect(killed.status == 137)
    #expect(try folder.read("x.squash") == expected.image)
    #expect(try folder.read("x.mtree") == old)

    let told = try run("verify", "x.squash", "--manifest", "x.mtree")
    #expect(told.status == 1)
    #expect(
      told.text.contains("x.mtree does not belong to this image: it was written for one"),
      "\(told.summary)")

    let again = try run(
      "pack", "new", "-o", "x.squash", "--manifest", skips ? "--skip-existing" : "-f")
    #expect(again.status == 0 && again.errors.contains("rewritten") == skips, "\(again.summary)")
    #expect(try folder.read("x.squash") == expected.image)
    #expect(try folder.read("x.mtree") == expected.manifest)
    #expect(try run("verify", "x.squash", "--manifest", "x.mtree").status == 0)
    // Once it belongs to the image, it is left alone.
    let third = try run("pack", "new", "-o", "x.squash", "--manifest", "--skip-existing")
    #expect(third.status == 0 && !third.errors.contains("anew"), "\(third.summary)")
  }

  @Test func aMissingManifestIsWritten() throws {
    let expected = try expected()
    try Tool.check(["rm", "x.squash", "x.mtree"], in: folder.root)
    let killed = try run("pack", "new", "-o", "x.squash", "--manifest", killedAt: "x.squash")
    #expect(killed.status == 137 && folder.exists("x.squash") && !folder.exists("x.mtree"))
    let again = try run("pack", "new", "-o", "x.squash", "--manifest", "--skip-existing")
    #expect(again.status == 0, "\(again.summary)")
    #expect(try folder.read("x.mtree") == expected.manifest)
  }

  /// Without an image, a manifest is an orphan; other files of its name belong to somebody else.
  @Test func manifestsWithoutImageAreReplacedAndNothingElse() throws {
    let expected = try expected()
    try Tool.check(["rm", "x.squash"], in: folder.root)
    #expect(try run("pack", "new", "-o", "x.squash", "--manifest").status == 0)
    #expect(try folder.read("x.mtree") == expected.manifest)

    try Tool.check(["rm", "x.squash"], in: folder.root)
    let own = Array("#mtree\n# my own\n./f type=file\n".utf8)
    try folder.write("x.mtree", own)
    let refused = try run("pack", "new", "-o", "x.squash", "--manifest")
    #expect(refused.status == 1 && refused.errors.contains("x.mtree: exists already; --force"))
    #expect(!folder.exists("x.squash"))
    // The same holds for an image that is kept.
    #expect(try run("pack", "new", "-o", "x.squash").status == 0)
    #expect(try run("pack", "new", "-o", "x.squash", "--manifest", "--skip-existing").status == 0)
    #expect(try folder.read("x.mtree") == own)
  }
}

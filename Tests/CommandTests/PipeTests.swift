import TestSupport
import Testing

/// Inputs from pipes: process substitution, named pipes, standard input.
@Suite struct PipeTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p tree/d other; seq 9999 > tree/d/file; ln tree/d/file tree/link; echo x > other/x
        '\(Tool.autosquash)' pack tree -o i.squash -q
        '\(Tool.autosquash)' manifest i.squash -o i.mtree
        '\(Tool.autosquash)' manifest other -o other.mtree
        tar -czf t.tar.gz -C tree .; tar -cf other.tar other; mkfifo p
        # More than fits a pipe.
        (cat i.mtree; yes '# a comment' | head -n 20000) > long.mtree
        """,
      ], in: folder.root)
  }

  private func bash(_ script: String) throws -> Tool.Result {
    try Tool.run(
      [
        "timeout", "60", "bash", "-c",
        script.replacing("autosquash ", with: "'\(Tool.autosquash)' "),
      ],
      in: folder.root)
  }

  @Test(arguments: [
    ("autosquash verify i.squash --manifest <(cat i.mtree)", 0, "whole, and equal to /dev/fd/"),
    ("autosquash verify i.squash --manifest <(cat long.mtree)", 0, "whole, and equal to"),
    ("autosquash verify i.squash --manifest <(sleep 0.2; cat i.mtree)", 0, "whole, and equal to"),
    (
      "autosquash verify i.squash --manifest <(cat other.mtree)", 1,
      "whole, but differs from /dev/fd/"
    ),
    ("cat i.mtree | autosquash verify i.squash --manifest -", 0, "whole, and equal to -"),
    ("cat i.mtree | autosquash verify i.squash --manifest /dev/stdin", 0, "equal to /dev/stdin"),
    ("autosquash verify i.squash --manifest /dev/stdin < i.mtree", 0, "equal to /dev/stdin"),
    ("cat i.mtree > p & autosquash verify i.squash --manifest p", 0, "equal to p"),
    ("cat long.mtree > p & autosquash verify i.squash --manifest p", 0, "equal to p"),
    ("autosquash verify i.squash --manifest <(cat t.tar.gz)", 2, "not an mtree(5) specification"),
    ("autosquash verify i.squash --manifest <(true)", 2, "not an mtree(5) specification"),
    ("autosquash verify i.squash --manifest tree", 2, "tree: cannot read: Is a directory"),
    ("autosquash verify i.squash --against <(cat t.tar.gz)", 0, "whole, and equal to /dev/fd/"),
    ("autosquash verify i.squash --against <(zcat t.tar.gz)", 0, "whole, and equal to"),
    (
      "autosquash verify i.squash --against <(cat other.tar)", 1, "whole, but differs from /dev/fd/"
    ),
    ("cat t.tar.gz > p & autosquash verify i.squash --against p", 0, "equal to p"),
    ("autosquash verify i.squash --against <(cat i.mtree)", 2, "not an archive of a known kind"),
    ("autosquash diff i.squash <(cat t.tar.gz)", 0, ""),
    ("autosquash diff tree <(cat other.tar)", 1, "+ x\n"),
    ("autosquash diff <(cat i.mtree) <(cat t.tar.gz)", 0, ""),
    ("autosquash diff i.squash <(cat other.mtree)", 1, "+ x\n"),
    ("cat i.mtree > p & autosquash diff p i.squash", 0, "because a manifest lacks them: xattrs"),
    ("cat t.tar.gz > p & autosquash diff i.squash p", 0, ""),
    (
      "autosquash diff i.squash <(cat i.squash)", 2,
      "this is a pipe, but an image needs random access"
    ),
    ("autosquash diff i.squash <(true)", 2, "the file is empty, not an archive"),
    ("autosquash ls <(cat i.squash)", 2, "this is a pipe, but an image needs random access"),
    ("autosquash verify <(cat i.squash)", 2, "this is a pipe, but an image needs random access"),
  ])
  func pipesAreReadForWhatTheyHold(script: String, status: Int32, said: String) throws {
    let result = try bash(script)
    #expect(result.status == status, "\(script): \(result.summary)")
    #expect(
      (result.text + result.errors).contains(said) || said.isEmpty, "\(script): \(result.summary)")
  }

  /// The writer never loses its reader early, and temporary files are gone.
  @Test func writersAreReadToTheEnd() throws {
    let result = try bash(
      "mkdir tmp; export TMPDIR=$PWD/tmp; (cat long.mtree > p; echo writer=$?) & "
        + "autosquash verify i.squash --manifest p -q; wait; ls -A tmp")
    #expect(result.text == "writer=0\n" && result.status == 0, "\(result.summary)")
  }
}

import TestSupport
import Testing

/// `overlay unlink`: removes all links that were made.
@Suite struct UnlinkTests: OverlaySuite {
  let folder: TemporaryFolder

  init() throws {
    folder = try Self.makeFolder()
    try sh("mkdir -p over/new/deep; echo x > over/new/deep/file")
    try sh("mkdir -p root/etc; echo mine > root/top; mkdir backup")
    let result = try overlay("link", "--backup", folder.path("backup"))
    #expect(result.text.hasSuffix("3 links made, 1 file replaced, 3 directories made\n"))
  }

  private func unlink(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(
      [
        Tool.autosquash, "overlay", "unlink", "--root", folder.path("root"),
      ] + arguments)
  }

  private func tree() throws -> String {
    try sh("cd root; find . -path ./var -prune -o -print | sort")
  }

  private func state() throws -> String {
    try sh("cat root/var/lib/autosquash/overlay 2> /dev/null | tr '\\0' '\\n' || true")
  }

  /// Each case: what has become of the bucket, which is not asked.
  @Test(arguments: ["true", "mv over gone", "rm -r over; mkdir over", "rm -r over; mkfifo over"])
  func allLinksGo(change: String) throws {
    try sh(change)
    let told = try unlink("--dry-run")
    #expect(told.status == 0, "\(told.summary)")
    #expect(
      told.text.contains("/top: would remove the link to \(folder.path("over/top"))\n")
        && told.text.hasSuffix("would change: 4 links removed, 3 directories removed\n"),
      "\(told.summary)")
    #expect(try look("top") == "O/top")
    let done = try unlink("--json")
    #expect(done.status == 0 && done.errors.isEmpty, "\(done.summary)")
    #expect(
      done.text.contains(
        #"{"path": "/top", "action": "unlinked", "target": "\#(folder.path("over/top"))"}"#))
    #expect(done.text.contains(#""unlinked": 4, "removed-directories": 3,"#), "\(done.text)")
    #expect(try tree() == ".\n./etc\n./home\n./home/training\n")
    // Files kept by --backup stay where they are.
    #expect(try sh("cat backup/top") == "mine\n")
    #expect(try state() == "")
    let again = try unlink()
    #expect(again.status == 0 && again.text == "nothing to change\n", "\(again.summary)")
    // It leaves nothing in the way of removing the rest.
    try Tool.check([Tool.autosquash, "setup", "--root", folder.path("root"), "--remove"])
    #expect(try sh("ls -A root/var/lib") == "")
  }

  /// What others have made, and the directories that hold it.
  @Test func whatUsersHaveMadeStays() throws {
    try sh(
      """
      cd root; echo x > new/mine; ln -s \(folder.path("over"))/top new/deep/mine
      chown -h 1234 new/deep/mine; ln -s /elsewhere home/training/my_course/other
      mkdir aside; ln -s \(folder.path("over"))/top aside/link
      rm home/training/my_course/genome.fa; echo own > home/training/my_course/genome.fa
      """)
    let done = try unlink()
    #expect(done.status == 0 && done.text == "3 links removed\n", "\(done.summary)")
    #expect(
      try sh("cd root; find . -path ./var -prune -o -not -type d -print | sort")
        == """
        ./aside/link
        ./home/training/my_course/genome.fa
        ./home/training/my_course/other
        ./new/deep/mine
        ./new/mine

        """)
    #expect(try state() == "")
  }

  /// The overlay was somewhere else before, and there are two; they share directories.
  @Test func linksOfAllOverlaysGo() throws {
    try sh("mkdir -p second/new/deep; echo y > second/new/deep/other; echo z > second/new/third")
    let linked = try Tool.run([
      Tool.autosquash, "overlay", "link", "--overlay", folder.path("second"), "--root",
      folder.path("root"),
    ])
    #expect(linked.status == 0, "\(linked.summary)")
    try sh("cp -a root one; cp -a root was")
    let one = try unlink("--overlay", folder.path("second"))
    #expect(one.text == "2 links removed\n", "\(one.summary)")
    #expect(try look("new/deep/file") == "O/new/deep/file")
    try sh("rm -r root; mv one root")
    let all = try unlink()
    #expect(all.text.hasSuffix("6 links removed, 3 directories removed\n"), "\(all.summary)")
    #expect(try tree() == ".\n./etc\n./home\n./home/training\n")
    // A forgotten place can be named.
    try sh("rm -r root; mv was root; ln -s /old/place/x root/new/x")
    #expect(
      try unlink("--was", "/old/place").text.hasSuffix("7 links removed, 3 directories removed\n"))
  }

  /// Unreachable places are reported and stay remembered.
  @Test func whatIsNotThereIsRemembered() throws {
    try sh(
      "mv root/home home; mkdir -p root/home elsewhere/deep; mv root/new new; ln -s ../elsewhere root/new"
    )
    try sh("chown -h 1234 root/new; ln -s \(folder.path("over"))/new/deep/file elsewhere/deep/file")
    let told = try unlink()
    #expect(
      told.status == 1
        && told.errors.contains("new is a symbolic link that users can change; not followed")
        && told.errors.contains("1 directory with links is missing now"), "\(told.summary)")
    #expect(try sh("ls elsewhere/deep") == "file\n")
    try sh("rmdir root/home; mv home root/home; rm root/new; mv new root/new")
    let done = try unlink()
    #expect(done.status == 0, "\(done.summary)")
    #expect(done.text.hasSuffix("3 links removed, 3 directories removed\n"), "\(done.summary)")
    #expect(try tree() == ".\n./etc\n./home\n./home/training\n")
  }

  /// The settings may be gone with the rest.
  @Test func noSettingsAreNeeded() throws {
    let lost = try Tool.run(
      [Tool.autosquash, "overlay", "unlink", "--root", folder.path("root")],
      environment: ["AUTOSQUASH_CONFIG": folder.path("none")])
    #expect(lost.status == 1 && lost.errors.contains("none: "), "\(lost.summary)")
    try sh("rm -r root/var")
    #expect(try unlink().text == "nothing to change\n")
    #expect(try sh("ls root") == "etc\nhome\nnew\ntop\n")
  }
}

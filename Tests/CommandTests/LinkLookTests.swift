import TestSupport
import Testing

/// Links that lead out of an image, seen by the commands that look into it.
@Suite struct LinkLookTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p t/data t/sub/dir out; echo x >out/genome; echo y >t/sub/file
        ln -s $PWD/out/genome t/data/a; ln -s ../../out/genome t/data/b
        ln -s a t/data/c; ln -s ../sub/file t/data/d; ln -s /sub/file t/data/e
        ln -s /nowhere t/data/n
        """,
      ], in: folder.root)
  }

  private func autosquash(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash] + arguments, in: folder.root)
  }

  @Test func whatLeadsOutIsNoMissingName() throws {
    _ = try autosquash("pack", "t", "-q")
    let target = folder.path("out/genome")
    let gone = "autosquash: t.squash: data/a: is a link to \(target), which is not in the image\n"
    for command in [["cat"], ["ls", "-L"], ["ls", "-lL"], ["ls", "--dereference", "--json"]] {
      let result = try Tool.run(
        [Tool.autosquash] + command + ["t.squash", "data/a"], in: folder.root)
      #expect(result.status == 1 && result.errors == gone, "\(command): \(result.summary)")
    }
    #expect(
      try autosquash("cat", "t.squash", "data/b").errors
        == "autosquash: t.squash: data/b: is a link to ../../out/genome, which is not in the image\n"
    )
    #expect(
      try autosquash("cat", "t.squash", "/data/./c").errors
        == "autosquash: t.squash: /data/./c: data/a is a link to \(target), which is not in the image\n"
    )
    #expect(
      try autosquash("info", "t.squash", "data/a/x").errors
        == "autosquash: t.squash: data/a/x: data/a is a link to \(target), which is not in the image\n"
    )
    #expect(try autosquash("cat", "t.squash", "data/d", "/data/e").text == "y\ny\n")
    #expect(
      try autosquash("cat", "t.squash", "data/x").errors
        == "autosquash: t.squash: data/x: no such file in the image\n")
    let all = try autosquash("cat", "t.squash", "data/[ad]")
    #expect(all.status == 1 && all.text == "y\n" && all.errors == gone)
    let info = try autosquash("info", "t.squash", "data/n")
    #expect(
      info.status == 0
        && info.text.contains("target             /nowhere  (leads to nothing in the image)\n"))
    #expect(try autosquash("info", "t.squash", "data/d").text.contains(" ../sub/file\n"))
    #expect(
      try autosquash("info", "t.squash", "data/n", "--json").text.contains("\"dangling\": true"))
  }

  @Test func listsWhatLinksLeadTo() throws {
    _ = try autosquash("pack", "t", "-q")
    let listed = try autosquash("ls", "-lL", "t.squash", "data")
    #expect(listed.status == 1)
    let rows = listed.text.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(
      rows.map { String($0[0].first!) + $0.last! }
        == ["l\(folder.path("out/genome"))", "l../../out/genome", "la", "-d", "-e", "l/nowhere"].map
      { $0 })
    #expect(listed.errors.split(separator: "\n").count == 4)
    #expect(try autosquash("ls", "-L", "t.squash", "data/d").text == "data/d\n")
  }

  @Test func extractTellsOfLinksToWhatIsNotNamed() throws {
    _ = try autosquash("pack", "t", "-q")
    func warning(_ target: String, _ paths: String...) throws {
      let result = try Tool.run(
        [Tool.autosquash, "extract", "t.squash", "-C", "x", "--force"] + paths, in: folder.root)
      let line =
        target.isEmpty
        ? ""
        : "autosquash: t.squash: warning: \(paths[0]): is a link to \(target), "
          + "which is not unpacked; name it too\n"
      #expect(result.status == 0 && result.errors.hasPrefix(line), "\(result.summary)")
      #expect(result.errors.contains("is a link") == !target.isEmpty, "\(result.summary)")
    }
    try warning("sub/file", "data/d")
    try warning("sub/file", "data/e", "sub/dir")
    for other in ["sub/file", "/sub", "sub/f*", "**/file", "."] { try warning("", "data/d", other) }
  }

  @Test func extractTellsOfLinksThatLeadOut() throws {
    _ = try autosquash("pack", "t", "-q")
    let named = try autosquash("extract", "t.squash", "data/n", "-C", "x")
    #expect(named.status == 0, "\(named.summary)")
    #expect(
      named.errors.hasPrefix(
        "autosquash: t.squash: warning: data/n: is a link to /nowhere, which is not in the image\n")
    )
    let through = try autosquash("extract", "t.squash", "data/a/x", "-C", "x")
    #expect(through.status == 1)
    #expect(through.errors.contains("data/a/x: data/a is a link to "))
    #expect(
      try autosquash("extract", "t.squash", "sub/../sub/file", "-C", "x").errors.contains(
        "sub/../sub/file: name it by its own path, without links and \"..\"\n"))
  }
}

import Foundation
import TestSupport
import Testing

/// `autosquash-map` and `autosquash map` as they are called.
@Suite struct MapCommandTests {
  let folder: TemporaryFolder
  let entry: String

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "-p", "images/course1", "mnt", "source"], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "source", "-o", "images/my-tarball.squash", "-q"],
      in: folder.root)
    try Tool.check(
      ["cp", "images/my-tarball.squash", "images/course1/data.squash"], in: folder.root)
    entry =
      "-fstype=squashfs,loop,ro,nosuid,nodev \":\(folder.path("images"))/my-tarball.squash\"\n"
    try configure()
  }

  private func configure(_ more: String = "") throws {
    try folder.write(
      "conf",
      Array(
        """
        images = \(folder.path("images"))
        mount-root = \(folder.path("mnt"))
        fstype = squashfs
        \(more)

        """.utf8))
  }

  private func map(_ arguments: String..., in directory: String = "mnt") throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquashMap] + arguments, in: folder.path(directory),
      environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
  }

  private func people(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash, "map"] + arguments, in: folder.root,
      environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
  }

  @Test func oneEntryOrOneLine() throws {
    let found = try map("my-tarball")
    #expect(found.text == entry && found.errors.isEmpty && found.status == 0)
    let missing = try map("nope")
    #expect(missing.output.isEmpty && missing.status == 1)
    #expect(
      missing.errors == "autosquash-map: nope: no such image in \(folder.path("images"))\n")
    // What looks like an option is a name.
    #expect(try map("--help").errors.hasPrefix("autosquash-map: --help: no such image in "))
    #expect(try map().status == 2)
    #expect(try map("a", "b").status == 2)
  }

  @Test func theWorkingDirectoryTellsTheLevel() throws {
    try Tool.check(["mkdir", "-p", "mnt/course1", "mnt2"], in: folder.root)
    #expect(try map("course1").text == "-fstype=autofs program:\(Tool.autosquashMap)\n")
    #expect(try map("data", in: "mnt/course1").text.hasSuffix("/images/course1/data.squash\"\n"))
    #expect(try map("data").status == 1)
    // Outside the mount root, by hand, the top is meant; so it is in a folder with a similar name.
    #expect(try map("my-tarball", in: "mnt2").text == entry)
    // A mount root with a link in its path.
    try Tool.check(["ln", "-s", "mnt", "link"], in: folder.root)
    try configure("")
    let text = String(decoding: try folder.read("conf"), as: UTF8.self)
      .replacingOccurrences(of: folder.path("mnt"), with: folder.path("link"))
    try folder.write("conf", Array(text.utf8))
    #expect(try map("data", in: "mnt/course1").status == 0)
  }

  @Test func peopleGivePaths() throws {
    #expect(try people("my-tarball").text == entry)
    #expect(try people("course1/data").text.hasSuffix("/images/course1/data.squash\"\n"))
    #expect(
      try people("course1/").text == "-fstype=autofs program:\(Tool.autosquashMap)\n")
    for path in ["../images/my-tarball", "course1/../my-tarball", "/my-tarball", "course1//data"] {
      let refused = try people(path)
      #expect(refused.status == 1 && refused.output.isEmpty, "\(path): \(refused.summary)")
    }
    let missing = try people("course1/nope")
    #expect(
      missing.errors == "autosquash: nope: no such image in \(folder.path("images/course1"))\n")
  }

  /// Names that shells and desktops ask for in every directory cost nothing and fill no log.
  @Test(arguments: [".git", ".hidden", ".Trash-1000", "...", ".x.squash", ".x"])
  func hiddenNamesAreRefusedInSilence(name: String) throws {
    try Tool.check(["cp", "images/my-tarball.squash", "images/.x.squash"], in: folder.root)
    try Tool.check(["mkdir", "images/.git", "images/.hidden"], in: folder.root)
    let refused = try map(name)
    #expect(refused.status == 1 && refused.output.isEmpty && refused.errors.isEmpty)
    // It does not even look for the images.
    let unset = try Tool.run(
      [Tool.autosquashMap, name], environment: ["AUTOSQUASH_CONFIG": folder.path("none")])
    #expect(unset.status == 1 && unset.output.isEmpty && unset.errors.isEmpty)
    let told = try people(name)
    #expect(
      told.status == 1
        && told.errors
          == "autosquash: \(name): names that begin with a dot are never looked up in the bucket;"
          + " rename the image\n"
    )
    let listed = try Tool.run(
      [Tool.autosquash, "images", "--json"],
      environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
    #expect(listed.status == 0 && !listed.text.contains("\".\(name)"), "\(listed.summary)")
    #expect(listed.text.split(separator: "\n").count == 2, "\(listed.text)")
  }

  @Test func settingsThatAreWrongAreToldWithTheirLine() throws {
    try configure("image = /x")
    let wrong = try map("my-tarball")
    #expect(wrong.status == 1 && wrong.output.isEmpty)
    #expect(
      wrong.errors.hasPrefix(
        "autosquash-map: \(folder.path("conf")):4: unknown key 'image'; valid keys:")
    )
    let none = try Tool.run(
      [Tool.autosquashMap, "my-tarball"],
      environment: ["AUTOSQUASH_CONFIG": folder.path("none")])
    #expect(none.status == 1 && none.errors.contains("'autosquash setup' writes one"))
  }

  @Test func linksLeadOutOnlyWhereAllowed() throws {
    try Tool.check(
      ["sh", "-c", "mv images/my-tarball.squash out.squash; ln -s ../out.squash images/l.squash"],
      in: folder.root)
    let refused = try map("l")
    #expect(
      refused.errors
        == "autosquash-map: l: \(folder.path("images/l.squash")) is a link that leads out of"
        + " \(folder.path("images")); 'outside-links = yes' allows it\n")
    try configure("outside-links = yes")
    #expect(try map("l").text.hasSuffix("\":\(folder.path("images"))/l.squash\"\n"))
  }

  @Test func everyByteOfANameIsKept() throws {
    for byte in 1...255 where byte != 0x2f && byte != 0x22 && byte != 0x0a && byte != 0x2e {
      let name = [UInt8(byte)] + Array("x".utf8) + [UInt8(byte)]
      let path = Array(folder.path("images/").utf8) + name + Array(".squash".utf8)
      _ = try Tool.run(
        bytes: [Array("cp".utf8), Array("--".utf8), Array("images/my-tarball.squash".utf8), path],
        in: folder.root)
      let answer = try Tool.run(
        bytes: [Array(Tool.autosquashMap.utf8), name], in: folder.path("mnt"),
        environment: ["AUTOSQUASH_CONFIG": folder.path("conf"), "LC_ALL": "POSIX"])
      #expect(
        answer.output == Array("-fstype=squashfs,loop,ro,nosuid,nodev \":".utf8) + path
          + Array("\"\n".utf8), "\(byte): \(answer.summary)")
    }
  }

  /// A lease on an image must not keep the map busy, which runs as root.
  @Test func aLeaseIsNotWaitedFor() throws {
    let holder = try Running(
      [
        "python3", "-c",
        """
        import fcntl, os, signal, time
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        image = os.open("\(folder.path("images/my-tarball.squash"))", os.O_RDWR)
        fcntl.fcntl(image, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        open("\(folder.path("held"))", "w")
        while not os.path.exists("\(folder.path("stop"))"): time.sleep(0.05)
        """,
      ].map { Array($0.utf8) })
    #expect(eventually { folder.exists("held") })
    // Had it waited, it would have opened the image once the lease was broken.
    let (answer, _) = try Tool.measure(
      ["env", "AUTOSQUASH_CONFIG=\(folder.path("conf"))", Tool.autosquashMap, "my-tarball"])
    try folder.write("stop", [])
    _ = holder.wait()
    #expect(answer.status == 1 && answer.errors.contains("temporarily unavailable"))
  }

  @Test func linesFitTheLog() throws {
    try configure("suffixes = " + String(repeating: "\u{1}", count: 3000))
    let wrong = try map("x")
    #expect(wrong.status == 1 && wrong.errors.utf8.count < 1000)
    // If autofs asks from elsewhere, the level is unknown.
    try configure()
    let elsewhere = try Tool.run(
      [Tool.autosquashMap, "my-tarball"], in: "/",
      environment: ["AUTOSQUASH_CONFIG": folder.path("conf"), "AUTOFS_UID": "0"])
    #expect(elsewhere.status == 1 && elsewhere.errors.contains("run 'autosquash setup'"))
  }
}

import TestSupport
import Testing

/// Ids that no user or group has: all commands show what Linux shows.
@Suite(.enabled(if: SystemTests.canMount)) struct NobodysFilesTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir d; echo f > d/f; chown 1234567:7 d/f
        '\(Tool.autosquash)' pack d -o x.squash -q --ownership keep --compression none
        """,
      ], in: folder.root)
    var image = try folder.read("x.squash")
    let id = withUnsafeBytes(of: UInt32(1_234_567).littleEndian) { Array($0) }
    let places = image.indices.dropLast(3).filter { Array(image[$0..<$0 + 4]) == id }
    try #require(places.count == 1)
    image.replaceSubrange(places[0]..<places[0] + 4, with: [255, 255, 255, 255])
    try folder.write("x.squash", image)
  }

  private func sh(_ script: String) throws -> String {
    try Tool.check(["sh", "-ec", script], in: folder.root).text
  }

  @Test func allSayWhatLinuxShows() throws {
    let mounted = try withMount(of: folder.path("x.squash")) { mount in
      try sh("stat -c '%u %g' \(mount)/f")
    }
    #expect(mounted == "65534 7\n")
    let autosquash = Tool.autosquash
    #expect(try sh("'\(autosquash)' extract x.squash -q -C out; stat -c '%u %g' out/f") == mounted)
    let tar = try sh(
      "'\(autosquash)' extract x.squash -q --to-tar t.tar; tar --numeric-owner -tvf t.tar")
    #expect(tar.contains(" 65534/7 "), "\(tar)")
    #expect(try sh("'\(autosquash)' ls -l x.squash").contains(" 65534 7 "))
    #expect(try sh("'\(autosquash)' manifest x.squash").contains(" uid=65534 gid=7 "))
    #expect(try sh("'\(autosquash)' diff x.squash out; '\(autosquash)' diff x.squash t.tar") == "")
  }

  @Test func verifyWarns() throws {
    let result = try Tool.autosquash("verify", "x.squash", in: folder.root)
    #expect(result.status == 0)
    #expect(
      result.text.contains("warning: id-table")
        && result.text.contains("id 4294967295 is not a valid user or group: Linux"),
      "\(result.summary)")
  }
}

import Foundation
import TestSupport
import Testing

/// Images whose root directory only root can enter, as reported by `images` and `doctor`.
@Suite struct RootDirectoryTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", "images", "tree"], in: folder.root)
    try folder.write("tree/file", Array("hello\n".utf8))
    try folder.write(
      "conf",
      Array(
        "images = \(folder.path("images"))\nmount-root = \(folder.path("mnt"))\nfstype = squashfs\n"
          .utf8))
  }

  private func autosquash(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(
      [Tool.autosquash] + arguments, environment: ["AUTOSQUASH_CONFIG": folder.path("conf")])
  }

  /// Mode and owner of the top, and who besides root may enter; the kernel decides.
  @Test(arguments: [
    ("700", 0, 0), ("755", 0, 0), ("711", 0, 0), ("750", 0, 0), ("750", 0, 500), ("700", 1000, 0),
    ("0", 1000, 1000), ("701", 0, 0), ("754", 0, 0), ("010", 0, 500), ("744", 0, 500),
  ])
  func whatOnlyRootCanEnterIsTold(mode: String, uid: Int, gid: Int) throws {
    try Tool.check(
      [
        "sh", "-ec",
        "chown \(uid):\(gid) tree; chmod \(mode) tree; "
          + "mksquashfs tree images/a.squash -quiet -no-progress -comp xz",
      ], in: folder.root)
    var users = [(65534, 65534), (65534, max(gid, 1))]
    if uid != 0 { users.append((uid, 65534)) }
    let canEnter = try withMount(of: folder.path("images/a.squash")) { mounted in
      try users.contains { user in
        try Tool.run([
          "setpriv", "--reuid=\(user.0)", "--regid=\(user.1)", "--clear-groups", "stat", "--",
          mounted + "/file",
        ]).status == 0
      }
    }
    let listed = try autosquash("images", "--json")
    #expect(listed.status == 0, "\(listed.summary)")
    #expect(
      listed.text.contains("\"healthy\": true, \"problem\": \"\", \"onlyRoot\": \(!canEnter)"),
      "\(listed.text)")
    let octal = "0" + String(repeating: "0", count: 3 - mode.count) + mode
    let text = try autosquash("images").text
    #expect(
      text.contains(
        "ok, but only root can enter it (mode \(octal)); pack it again with --chmod a+rX")
        != canEnter, "\(text)")
    let doctor = try autosquash("doctor").text
    #expect(
      doctor.contains(
        "warn  images: only root can enter a.squash: its top directory has mode \(octal)\n"
          + "      -> pack it again with --chmod a+rX, and upload it under a new name\n")
        != canEnter,
      "\(doctor)")
  }

  /// Damaged, hostile and missing images are left to `verify`, and each image is checked by itself.
  @Test func damagedImagesAreNotWaitedFor() throws {
    try Tool.check(
      [
        "sh", "-ec",
        """
        chmod 700 tree
        for codec in gzip xz zstd lz4 lzo; do
          mksquashfs tree images/$codec.squash -quiet -no-progress -comp $codec
        done
        '\(Tool.autosquash)' pack tree -o images/front.squash -q --layout front
        cp images/gzip.squash images/damaged.squash
        printf '\\377\\377\\377\\377\\377\\377' | dd of=images/damaged.squash bs=1 seek=32 conv=notrunc status=none
        """,
      ], in: folder.root)
    let listed = try autosquash("images", "--json").text
    #expect(listed.components(separatedBy: "\"onlyRoot\": true").count == 7, "\(listed)")
    #expect(listed.components(separatedBy: "\"onlyRoot\": false").count == 2, "\(listed)")
  }
}

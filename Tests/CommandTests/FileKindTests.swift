import TestSupport
import Testing

/// What commands that read images say about other files, and that their advice works.
@Suite struct FileKindTests {
  struct Case: CustomTestStringConvertible {
    let make: String
    let says: String
    /// Whether the advice is `--offset auto`, with which `cat x/data` prints something.
    var isInside = false
    var testDescription: String { says }

    init(_ make: String, _ says: String, isInside: Bool = false) {
      self.make = make
      self.says = says
      self.isInside = isInside
    }
  }

  private static func archive(_ name: String, lister: String) -> String {
    "\(name), not a SquashFS image; \"\(lister)\" lists it, "
      + "\"autosquash pack 'in put'\" makes an image of it"
  }

  /// The commands in a message.
  private func quoted(_ message: String) -> [String] {
    message.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  @Test(arguments: [
    Case("tar cf 'in put' x", archive("a tar archive", lister: "tar -tf 'in put'")),
    Case(
      "tar cz x >'in put'",
      archive("a tar archive compressed with gzip", lister: "tar -tf 'in put'")),
    Case(
      "tar cJ x >'in put'", archive("a tar archive compressed with xz", lister: "tar -tf 'in put'")),
    Case(
      "tar c --zstd x >'in put'",
      archive("a tar archive compressed with zstd", lister: "tar -tf 'in put'")),
    Case(
      "tar cJ x | gzip >'in put'",
      archive("a tar archive compressed with xz and gzip", lister: "bsdtar -tf 'in put'")),
    Case("zip -qr - x >'in put'", archive("a zip archive", lister: "unzip -l 'in put'")),
    Case(
      "bsdtar --format 7zip -cf 'in put' x",
      archive("a 7z archive", lister: "bsdtar -tf 'in put'")),
    Case(
      "find x | cpio -o --quiet >'in put'",
      archive("a cpio archive", lister: "bsdtar -tf 'in put'")),
    Case(
      "bsdtar --format iso9660 -cf 'in put' x",
      archive("an ISO 9660 image", lister: "bsdtar -tf 'in put'")),
    Case(
      """
      mkdir -p x/DEBIAN
      printf '%s: 1\\n' Version Maintainer Description >x/DEBIAN/control
      printf 'Package: x\\nArchitecture: all\\n' >>x/DEBIAN/control
      dpkg-deb -b x 'in put'
      """, archive("a Debian package", lister: "dpkg-deb -c 'in put'")),
    Case(
      "autosquash manifest -o 'in put' x", "an mtree(5) list of files, not a SquashFS image"),
    Case("gzip -c x/data >'in put'", "a file compressed with gzip, not a SquashFS image"),
    Case(
      "autosquash pack x -q -o i; gzip -c i >'in put'",
      "a file compressed with gzip that holds an image, not a SquashFS image; unpack it first"),
    Case(
      "autosquash pack x -q -o i -c none; gzip -1c i >'in put'",
      "a file compressed with gzip that holds an image, not a SquashFS image; unpack it first"),
    Case("cp /bin/true 'in put'", "a program, not a SquashFS image"),
    Case(
      "autosquash pack x -q -o i; head -c 54321 /bin/bash | cat - i >'in put'",
      "this file contains an image, at byte 54321; --offset auto reads it", isInside: true),
    Case(
      "echo '<Error><Code>AccessDenied</Code></Error>' >'in put'",
      "an XML document, not a SquashFS image; a server may have sent it instead of the file; "
        + "download it again"),
    Case(
      "echo version https://git-lfs.github.com/spec/v1 >'in put'",
      "a Git LFS pointer, not a SquashFS image; \"git lfs pull\" fetches the file"),
    Case(
      "mkfs.ext4 -q 'in put' 1M", "an ext2, ext3 or ext4 file system, not a SquashFS image"),
    Case("seq 1000 >'in put'", "not a SquashFS image"),
    Case(": >'in put'", "the file is empty, not a SquashFS image"),
  ])
  func filesAreToldForWhatTheyAre(test: Case) throws {
    let folder = try TemporaryFolder()
    func sh(_ script: String) throws -> Tool.Result {
      try Tool.run(
        ["bash", "-ec", "autosquash() { '\(Tool.autosquash)' \"$@\"; }\n" + script],
        in: folder.root)
    }
    try #require(sh("mkdir x; seq 1 3 >x/data; (\(test.make)) >/dev/null 2>log").status == 0)
    for command in ["ls", "cat", "info", "extract"] {
      let arguments = [command, "in put"] + (command == "cat" ? ["data"] : [])
      let result = try Tool.run([Tool.autosquash] + arguments, in: folder.root)
      #expect(result.status != 0 && result.output.isEmpty)
      #expect(result.errors == "autosquash: in put: \(test.says)\n", "\(result.summary)")
    }
    let verified = try Tool.autosquash("verify", "in put", in: folder.root)
    #expect(verified.status == 1)
    #expect(
      verified.text.hasPrefix("in put: error: superblock at byte 0: \(test.says)\nin put: "),
      "\(verified.summary)")
    // The advice helps.
    for advice in quoted(test.says) where advice != "git lfs pull" {
      let result = try sh(advice)
      #expect(result.status == 0, "\(advice): \(result.summary)")
      if !advice.hasPrefix("autosquash") { #expect(result.text.contains("data"), "\(advice)") }
    }
    if test.isInside {
      #expect(try sh("autosquash cat --offset auto 'in put' data").text == "1\n2\n3\n")
    }
  }

  /// pack's message about a file that it cannot read.
  @Test(arguments: [
    (
      "echo '<!DOCTYPE html><title>Sign in</title>'",
      "a web page, not an archive; a server may have sent it instead of the file; download it again"
    ),
    (
      "echo '<Error><Code>AccessDenied</Code></Error>'",
      "an XML document, not an archive; a server may have sent it instead of the file; download "
        + "it again"
    ),
    (
      "echo version https://git-lfs.github.com/spec/v1",
      "a Git LFS pointer, not an archive; \"git lfs pull\" fetches the file"
    ),
    ("cat /bin/true", "a program, not an archive"),
    ("mkfs.ext4 -q fs 1M >log; cat fs", "an ext2, ext3 or ext4 file system, not an archive"),
    (
      "mkdir d; echo x >d/x; '\(Tool.autosquash)' pack d -o i -q; { printf '\\177ELF\\2\\1\\1\\0AI\\2'; "
        + "head -c 4085 /dev/zero; cat i; }",
      "an AppImage, not an archive; \"autosquash ls --offset auto in.tar.gz\" lists it"
    ),
  ])
  func packTellsWhatIsNoArchive(make: String, says: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(["bash", "-ec", "{ \(make); } >in.tar.gz"], in: folder.root)
    let result = try Tool.autosquash("pack", "in.tar.gz", in: folder.root)
    #expect(result.status == 2, "\(result.summary)")
    #expect(result.errors == "autosquash: in.tar.gz: \(says)\n")
    // If the name is not an archive's, the user may mean the file itself.
    try Tool.check(["mv", "in.tar.gz", "in"], in: folder.root)
    let other = try Tool.autosquash("pack", "in", in: folder.root)
    let advice =
      says.contains(";")
      ? "" : "; put it into a directory: mkdir DIR && cp in DIR && autosquash pack DIR"
    let same = says.replacing("in.tar.gz", with: "in")
    #expect(other.errors == "autosquash: in: \(same)\(advice)\n")
    guard says.contains("--offset") else { return }
    let listed = try Tool.autosquash("ls", "--offset", "auto", "in", in: folder.root)
    #expect(listed.text == "x\n", "\(listed.summary)")
  }
}

import Glibc
import TestSupport
import Testing

/// Files that contain files but are not the usual archives.
@Suite struct PackageTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p p/DEBIAN p/usr/bin p/usr/share/doc/x
        printf 'Package: x\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n' \
          >p/DEBIAN/control
        echo run >p/usr/bin/run; chmod 755 p/usr/bin/run; ln -s run p/usr/bin/link
        head -c 70001 /dev/urandom >p/usr/share/doc/x/data
        """,
      ], in: folder.root)
  }

  private func sh(_ command: String) throws {
    try Tool.check(["sh", "-ec", command], in: folder.root)
  }

  private func pack(_ arguments: String...) throws -> Tool.Result {
    try Tool.run([Tool.autosquash, "pack"] + arguments, in: folder.root)
  }

  /// The same as dpkg-deb(1) unpacks, with each compression, with a signature at the end, and
  /// through a pipe.
  @Test(arguments: ["xz", "zstd", "gzip", "none"])
  func debianPackagesAreUnpacked(compression: String) throws {
    try sh(
      """
      dpkg-deb --root-owner-group -Z\(compression) -b p my-tool_1_all.deb >/dev/null
      dpkg-deb -x my-tool_1_all.deb want; echo signature >_gpgorigin
      cp my-tool_1_all.deb signed.deb; ar q signed.deb _gpgorigin
      """)
    let result = try pack("my-tool_1_all.deb")
    #expect(result.status == 0 && !result.errors.contains("warning"), "\(result.summary)")
    // dpkg-deb makes links last, in directories whose times it has already set.
    let same = try Tool.autosquash(
      "diff", "my-tool_1_all.squash", "want", "--ignore", "owner,mtime", in: folder.root)
    #expect(same.status == 0, "\(same.summary)")
    let signed = try pack("signed.deb")
    #expect(signed.status == 0 && !signed.errors.contains("warning"), "\(signed.summary)")
    #expect(try folder.read("signed.squash") == folder.read("my-tool_1_all.squash"))
    try sh("cat signed.deb | '\(Tool.autosquash)' pack - -o piped.squash")
    #expect(try folder.read("piped.squash") == folder.read("signed.squash"))
  }

  @Test func brokenDebianPackagesAreTold() throws {
    try sh(
      """
      dpkg-deb --root-owner-group -Zgzip -b p x.deb >/dev/null; head -c 5000 x.deb >cut.deb
      head -c 100 x.deb >short.deb; cp x.deb none.deb; ar d none.deb data.tar.gz
      printf '!<arch>\\ndebian-binary   0           0     0     100644  -4        `\\n' >odd.deb
      printf '!<arch>\\ndebian-binary   0           0     0     100644  4         `\\n2.0\\n' >big.deb
      printf 'control.tar     0           0     0     100644  9223372036854775807`\\n' >>big.deb
      """)
    let cut = try pack("cut.deb")
    #expect(cut.status == 1 && cut.errors.contains("cut"), "\(cut.summary)")
    for name in ["none", "short", "odd", "big"] {
      let result = try pack("\(name).deb")
      #expect(result.status == 1)
      #expect(
        result.errors == "autosquash: \(name).deb: a Debian package without files: it has no "
          + "data.tar; fetch or make it again\n")
    }
  }

  @Test(arguments: [
    (
      "genome.fa.gz",
      "a file compressed with gzip, not an archive; put it into a directory: mkdir DIR && cp "
        + "genome.fa.gz DIR && autosquash pack DIR"
    ),
    (
      "read me",
      "not an archive of a known kind, but a single file; put it into a directory: mkdir DIR && "
        + "cp 'read me' DIR && autosquash pack DIR"
    ),
    (
      "rubbish.tar.gz", "a file compressed with gzip, not an archive"
    ),
    (
      "x.tar.gz.gpg",
      "not an archive of a known kind, but an encrypted file; gpg -d x.tar.gz.gpg "
        + "| autosquash pack - -o IMAGE"
    ),
    (
      "x.tar.age",
      "not an archive of a known kind, but an encrypted file; age -d x.tar.age "
        + "| autosquash pack - -o IMAGE"
    ),
    (
      "x.dmg",
      "not an archive of a known kind, but a disk image of macOS; 7z x x.dmg -oDIR unpacks it"
    ),
    (
      "list.txt",
      "not an archive of a known kind; the name of an mtree specification must end in .mtree"
    ),
  ])
  func otherFilesAreTold(name: String, message: String) throws {
    try folder.write("text", Array(">chr1\nACGT\n".utf8))
    try sh(
      "gzip -c text >genome.fa.gz; for f in 'read me' x.tar.gz.gpg x.tar.age x.dmg rubbish; "
        + "do cp text \"$f\"; done; gzip -c text >rubbish.tar.gz; echo '#mtree' >list.txt")
    let result = try pack(name)
    #expect(result.status == 2)
    #expect(result.errors == "autosquash: \(name): \(message)\n")
  }

  @Test func condaPackagesAreNamed() throws {
    try sh(
      "tar -C p -cf - usr | zstd -q >pkg-x.tar.zst; echo {} >metadata.json; "
        + "bsdtar --format zip -cf x.conda metadata.json pkg-x.tar.zst")
    let result = try pack("x.conda")
    #expect(result.status == 1)
    #expect(
      result.errors == "autosquash: x.conda: a conda package: its files are in an inner archive; "
        + "unzip -p x.conda 'pkg-*' | autosquash pack - -o IMAGE packs them\n")
  }
}

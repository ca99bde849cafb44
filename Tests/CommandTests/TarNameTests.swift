import TestSupport
import Testing

/// An archive that extract writes is what its name says.
@Suite struct TarNameTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      ["sh", "-ec", "mkdir tree; echo x >tree/x; '\(Tool.autosquash)' pack tree -q"],
      in: folder.root)
  }

  @Test(arguments: ["x.zip", "x.7z", "x.rar", "x.iso", "x.squash", "a/x.ZIP", "x.deb"])
  func otherFormatsAreRefused(name: String) throws {
    let result = try Tool.autosquash("extract", "tree.squash", "--to-tar", name, in: folder.root)
    #expect(result.status == 64 && !folder.exists(name))
    #expect(
      result.errors.contains(
        ": '\(name)' is not the name of a tar archive; use .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst, "
          + ".tar.lz4 or .tar.lz.\n"), "\(result.summary)")
  }

  /// Judged by the first bytes; those of a plain archive are a member's name.
  @Test(arguments: [
    ("x.tar", "./"), ("x", "./"), ("x.2026", "./"), ("x.tar.gz", "\u{1f}\u{8b}"),
    ("x.TAR.GZ", "\u{1f}\u{8b}"), ("x.tar.bz2", "BZh"), ("x.txz", "\u{fd}7zXZ"),
    ("x.tar.zst", "(\u{b5}/\u{fd}"), ("x.tar.lz4", "\u{4}\"M\u{18}"), ("x.tar.lz", "LZIP"),
    ("x.tar.Z", "\u{1f}\u{9d}"),
  ])
  func theNameSaysTheCompression(name: String, start: String) throws {
    let result = try Tool.autosquash("extract", "tree.squash", "--to-tar", name, in: folder.root)
    #expect(result.status == 0, "\(result.summary)")
    let bytes = start.unicodeScalars.map { UInt8($0.value) }
    #expect(try folder.read(name).starts(with: bytes))
  }
}

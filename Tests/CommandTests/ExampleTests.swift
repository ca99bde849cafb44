import Foundation
import TestSupport
import Testing

/// The files in `examples` work as they say.
@Suite struct ExampleTests {
  private let folder: TemporaryFolder
  private let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  init() throws { folder = try TemporaryFolder() }

  private func snakemake() throws -> Tool.Result {
    let bin = URL(fileURLWithPath: Tool.autosquash).deletingLastPathComponent().path
    return try Tool.run(
      [
        "env", "PATH=\(bin):\(ProcessInfo.processInfo.environment["PATH"] ?? "")",
        "HOME=\(folder.root)",
        "\(package)/.build/python/bin/snakemake", "-s", "\(package)/Examples/Machines/Snakefile",
        "--cores",
        "2",
        "--keep-going", "--config", "archives=in", "images=out",
      ], in: folder.root)
  }

  @Test func snakemakePacksAFolderOfArchives() throws {
    try Tool.check(["mkdir", "-p", "in", "tree"], in: folder.root)
    try folder.write("tree/file", Array("content\n".utf8))
    for archive in ["first.tar.gz", "with space.tgz", "plain.tar"] {
      try Tool.check(["tar", "-caf", "in/\(archive)", "tree"], in: folder.root)
    }
    try folder.write("in/broken.tar.gz", [0x1f, 0x8b, 8, 0, 1, 2, 3])
    let first = try snakemake()
    #expect(first.status == 1, "\(first.summary)")
    let made = ["first", "plain", "with space"]
    #expect(
      folder.names(in: "out").sorted()
        == made.flatMap { ["\($0).mtree", "\($0).squash", "\($0).verified.json"] }.sorted())
    let report = String(decoding: try folder.read("out/with space.verified.json"), as: UTF8.self)
    #expect(report.contains("\"whole\": true"), "\(report)")
    #expect(report.contains("\"comparedWith\": [\"in/with space.tgz\"]"), "\(report)")

    try Tool.check(["rm", "in/broken.tar.gz"], in: folder.root)
    let again = try snakemake()
    #expect(again.status == 0 && again.summary.contains("Nothing to be done"), "\(again.summary)")
  }

  @Test func twoArchivesOfOneNameAreRefused() throws {
    try Tool.check(["mkdir", "in"], in: folder.root)
    for name in ["a.tar", "a.zip"] { try folder.write("in/\(name)", []) }
    let result = try snakemake()
    #expect(result.status == 1 && result.summary.contains("would become one image"))
  }

  @Test func theMountUnitIsInOrder() throws {
    try Tool.check(["cp", "\(package)/Examples/Machines/mnt-s3fs.mount", "."], in: folder.root)
    let verified = try Tool.run(
      ["systemd-analyze", "verify", "--man=no", "mnt-s3fs.mount"], in: folder.root)
    #expect(verified.status == 0 && verified.errors.isEmpty, "\(verified.summary)")
  }

  /// systemd's reading of the line: a mount before the automounter, which may fail.
  @Test func theLineForFstabIsInOrder() throws {
    try Tool.check(["mkdir", "units"], in: folder.root)
    try Tool.check(
      [
        "env", "SYSTEMD_FSTAB=\(package)/Examples/Machines/fstab",
        "/lib/systemd/system-generators/systemd-fstab-generator", "units", "units", "units",
      ], in: folder.root)
    let unit = String(decoding: try folder.read("units/mnt-s3fs.mount"), as: UTF8.self)
    #expect(unit.contains("\nBefore=autofs.service\n"), "\(unit)")
    #expect(unit.contains("\nType=fuse.s3fs\n"))
    #expect(folder.exists("units/remote-fs.target.wants/mnt-s3fs.mount"))
    #expect(!folder.exists("units/remote-fs.target.requires"))
  }
}

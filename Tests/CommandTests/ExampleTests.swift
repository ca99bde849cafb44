import Foundation
import TestSupport
import Testing

/// The files in `examples` work as they say.
@Suite struct ExampleTests {
  private let folder: TemporaryFolder
  private let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  init() throws { folder = try TemporaryFolder() }

  private func snakemake(
    _ configuration: [String] = ["archives=in", "images=out"], environment: [String: String] = [:]
  ) throws -> Tool.Result {
    let bin = URL(fileURLWithPath: Tool.autosquash).deletingLastPathComponent().path
    return try Tool.run(
      [
        "env",
        "PATH=\(bin):\(package)/.build/awscli/bin:\(ProcessInfo.processInfo.environment["PATH"] ?? "")",
        "HOME=\(folder.root)",
        "\(package)/.build/python/bin/snakemake", "-s", "\(package)/Examples/Machines/Snakefile",
        "--cores",
        "2",
        "--keep-going", "--config",
      ] + configuration, in: folder.root, environment: environment)
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

  /// Neither archives nor images are on this machine.
  @Test func snakemakePacksFromBucketToBucket() throws {
    try Tool.check(["mkdir", "tree"], in: folder.root)
    try folder.write("tree/file", Array("content\n".utf8))
    try Tool.check(["tar", "-czf", "archive", "tree"], in: folder.root)
    let server = try S3Server(
      .moto,
      objects: ["first.tar.gz", "with space.tgz"].map { ("in/" + $0, folder.path("archive")) })
    let buckets = ["archives=s3://training/in", "images=s3://training/out"]
    let first = try snakemake(buckets, environment: server.environment)
    #expect(first.status == 0, "\(first.summary)")
    let made = ["first", "with space"]
    #expect(
      folder.names(in: "reports").sorted()
        == made.flatMap { ["\($0).packed", "\($0).verified.json"] }.sorted())
    let report = try folder.read("reports/with space.verified.json")
    #expect(String(decoding: report, as: UTF8.self).contains("\"whole\": true"))
    #expect(
      try server.contents(below: "out/").objects.keys.sorted()
        == made.flatMap { ["out/\($0).mtree", "out/\($0).squash"] }.sorted())
    let again = try snakemake(buckets, environment: server.environment)
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

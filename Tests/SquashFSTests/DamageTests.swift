import Foundation
import Posix
import SquashFSFormat
import TestSupport
import Testing

@testable import SquashFS

/// Each kind of damage that `verify` is for, done to a real image.
@Suite struct DamageTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var kind: Finding.Kind
    var severity = Finding.Severity.error
    /// The file that must be named.
    var path: String?
    var damage: @Sendable (inout PlainImage) throws -> Void

    var testDescription: String { name }

    init(
      _ name: String, _ kind: Finding.Kind, severity: Finding.Severity = .error,
      path: String? = nil, _ damage: @escaping @Sendable (inout PlainImage) throws -> Void
    ) {
      self.name = name
      self.kind = kind
      self.severity = severity
      self.path = path
      self.damage = damage
    }
  }

  @Test func theImageItselfIsWhole() throws {
    let image = try PlainImage()
    let report = try image.verify()
    #expect(report.isWhole && report.warnings == 0 && report.notes == 0, "\(report.text)")
    #expect(report.inodes == UInt64(image.superblock.inodeCount))
  }

  private func expectFinding(_ damage: Case) throws {
    var image = try PlainImage()
    try damage.damage(&image)
    let report = try image.verify()
    let found = report.findings.filter {
      $0.kind == damage.kind && $0.severity == damage.severity
        && (damage.path == nil || $0.path == Array(damage.path!.utf8))
    }
    #expect(!found.isEmpty, "\(report.text)")
    #expect(report.isWhole == (damage.severity < .error), "\(report.text)")
  }

  @Test(arguments: superblockCases) func superblock(damage: Case) throws {
    try expectFinding(damage)
  }
  @Test(arguments: tableCases) func tables(damage: Case) throws { try expectFinding(damage) }
  @Test(arguments: inodeCases) func inodes(damage: Case) throws { try expectFinding(damage) }
  @Test(arguments: directoryCases) func directories(damage: Case) throws {
    try expectFinding(damage)
  }
  @Test(arguments: dataCases) func data(damage: Case) throws { try expectFinding(damage) }

  /// Damage that hides in compressed blocks: flips of a bit all over an image.
  @Test(arguments: ["xz", "gzip"]) func flippedBitsOfCompressedBlocksAreFound(method: String) throws
  {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", PlainImage.source], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "i.squash", "--compression", method, "-q"],
      in: folder.root)
    let bytes = try folder.read("i.squash")
    let table = try Image(ImageInput(path: Array(folder.path("i.squash").utf8))).superblock
    for position in stride(from: 100, to: Int(table.inodeTable), by: 301) {
      var damaged = bytes
      damaged[position] ^= 0x10
      try folder.write("d.squash", damaged)
      let report = try verify(folder.path("d.squash"))
      #expect(!report.isWhole, "byte \(position)")
      let salvage = try #require(report.salvage)
      #expect(salvage.readableFiles < salvage.files)
      #expect(report.findings.contains { $0.path != nil }, "\(report.text)")
    }
  }

  /// The tables of an empty directory start in one place.
  @Test(arguments: [
    "mksquashfs e i.squash -quiet -no-progress", "gensquashfs -q -D e i.squash",
    "'\(Tool.autosquash)' pack e -o i.squash -q",
  ]) func anEmptyImageIsWhole(command: String) throws {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", "mkdir e && \(command)"], in: folder.root)
    let report = try verify(folder.path("i.squash"))
    #expect(report.isWhole && report.warnings == 0, "\(report.text)")
    #expect(
      try Tool.check([Tool.autosquash, "ls", "-laR", "i.squash"], in: folder.root).text == ".:\n")
  }

  /// Places near the largest number, in an image that does not start where its file does.
  @Test func placesBeyondAllNumbersAreHarmless() throws {
    let image = try PlainImage()
    for (field, value) in [(16, UInt64.max), (16, UInt64.max - 4096), (64, UInt64.max - 5)] {
      var changed = image
      changed.set(40, UInt64.max - 1)
      if field == 64 { changed.set(64, value) }
      changed.set(changed.firstRow(image.superblock.fragmentTable), value)
      try image.folder.write("far.squash", [UInt8](repeating: 7, count: 16384) + changed.bytes)
      for command in ["verify", "ls", "extract", "info"] {
        let result = try Tool.autosquash(
          command, "far.squash", "--offset", "16384", in: image.folder.root)
        #expect([1, 2].contains(result.status), "\(command): \(result.summary)")
      }
    }
  }

  @Test func quickReadsNoContents() throws {
    let image = try PlainImage()
    let report = try image.verify(quick: true)
    #expect(report.isWhole && report.contents.blocks == 0, "\(report.text)")
  }
}

import Foundation
import Posix
import SquashFSFormat
import TestSupport
import Testing

@testable import SquashFS

/// Each kind of damage that `verify` should find, done to a real image.
@Suite struct DamageTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var kind: Finding.Kind
    var severity = Finding.Severity.error
    /// The file that must be named.
    var path: String?
    /// The place that must be reported.
    var place: Place?
    var damage: @Sendable (inout PlainImage) throws -> Void

    enum Place: Sendable {
      case byte(UInt64)
      /// Where the image ends.
      case end
    }

    var testDescription: String { name }

    init(
      _ name: String, _ kind: Finding.Kind, severity: Finding.Severity = .error,
      path: String? = nil, at place: Place? = nil,
      _ damage: @escaping @Sendable (inout PlainImage) throws -> Void
    ) {
      self.name = name
      self.kind = kind
      self.severity = severity
      self.path = path
      self.place = place
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
    let place: UInt64? =
      switch damage.place {
      case .byte(let offset): offset
      case .end: image.superblock.bytesUsed
      case nil: nil
      }
    try damage.damage(&image)
    let report = try image.verify()
    let found = report.findings.filter {
      $0.kind == damage.kind && $0.severity == damage.severity
        && (damage.path == nil || $0.path == Array(damage.path!.utf8))
        && (place == nil || $0.offset == place)
    }
    // A place lies in the file, and no finding comes twice.
    #expect(report.findings.allSatisfy { $0.offset.map { $0 <= image.bytes.count } ?? true })
    #expect(
      Set(report.text.split(separator: "\n")).count == report.findings.count, "\(report.text)")
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

  /// Damage hidden in compressed blocks: bit flips all over an image.
  @Test(arguments: ["xz", "gzip"]) func flippedBitsOfCompressedBlocksAreFound(method: String) throws
  {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-c", PlainImage.source], in: folder.root)
    try Tool.check(
      [Tool.autosquash, "pack", "tree", "-o", "i.squash", "--compression", method, "-q"],
      in: folder.root)
    let bytes = try folder.read("i.squash")
    let table = try Image(ImageInput(path: Array(folder.path("i.squash").utf8))).superblock
    let start = Superblock.byteCount + 10  // behind the compressor's options
    for position in stride(from: start, to: Int(table.inodeTable), by: 301) {
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

  /// The tables of an empty directory start at the same place.
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

  /// What is lost for verify is lost for extract as well.
  @Test func readableIsWhatCanBeExtracted() throws {
    var image = try PlainImage()
    let leaf = try #require(
      Self.inodeCases.first { $0.name == "tail a byte beyond its fragment" })
    try leaf.damage(&image)
    let salvage = try #require(try image.verify().salvage)
    #expect(salvage.readableFiles == salvage.files - 1)
    let extracted = try Tool.autosquash(
      "extract", "damaged.squash", "--keep-going", "--json", "-C", "out", in: image.folder.root)
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(extracted.output)) as? [String: Any])
    let lost = try #require(result["lostFiles"] as? [[String: String]])
    #expect(lost.map { $0["path"] } == ["dir/sub/leaf"], "\(extracted.summary)")
    #expect(result["lost"] as? Int == 1 && extracted.status == 1)
  }

  /// Of two things at the same place, either may be the damaged one.
  @Test func blocksInOnePlaceNameAllTheirFiles() throws {
    var image = try PlainImage()
    guard case .file(let leaf) = try image.record("dir/sub/leaf").body else { return }
    let row = image.firstRow(image.superblock.fragmentTable) + 16 * Int(leaf.fragment)
    image.set(row, UInt64(try image.record("dir/numbers").blocksStart32))
    let report = try image.verify()
    let found = try #require(report.findings.first { $0.kind == .overlap })
    #expect(found.otherFiles >= 1, "\(report.text)")
    let salvage = try #require(report.salvage)
    #expect(salvage.readableFiles <= salvage.files - 2, "\(report.text) \(salvage)")
  }

  /// The first fragment has the end of the very file whose blocks it overlaps.
  @Test func aFileThatIsAffectedTwiceIsNamedOnce() throws {
    var image = try PlainImage()
    let row = image.firstRow(image.superblock.fragmentTable)
    image.set(row, UInt64(try image.record("dir/numbers").blocksStart32))
    let report = try image.verify()
    let found = try #require(report.findings.first { $0.kind == .overlap })
    #expect(found.path == Array("dir/numbers".utf8) && found.otherFiles == 0, "\(report.text)")
  }

  /// A finding shared by very many files is reported once, with their number.
  @Test func manyFilesOfOneFindingAreCounted() {
    let list = FindingList(limit: 3, fileLength: 100)
    for number in UInt32(0)..<100_000 {
      list.add(Finding(.error, .inode, offset: 7, "damaged"), about: .inode(number))
    }
    for number in UInt32(0)..<2 { list.addPath([UInt8(number)], of: .inode(number)) }
    let found = list.findings
    #expect(found.count == 1 && found[0].path == [0])
    #expect(found[0].otherFiles == 100_000 - 65_536 + 1)
  }

  /// Errors are not hidden by less severe findings, however few are shown.
  @Test func theMostSevereComeFirst() throws {
    let list = FindingList(limit: 3, fileLength: 100)
    for offset in UInt64(0)..<9 { list.add(Finding(.warning, .links, offset: offset, "odd")) }
    for offset in UInt64(0)..<2 { list.add(Finding(.note, .padding, offset: offset, "short")) }
    list.add(Finding(.error, .block, offset: 7, "damaged"), about: .block(7))
    list.add(Finding(.error, .block, offset: 7, "damaged"), about: .block(7))
    #expect(list.findings.map(\.severity) == [.error, .warning, .warning])
    #expect(list.count(.warning) == 9 && list.count(.error) == 1 && list.isLost(.block(7)))

    var report = try PlainImage().verify()
    for _ in 0..<5 { report.add(Finding(.warning, .links, "odd"), limit: 3) }
    for _ in 0..<2 { report.add(Finding(.error, .difference, "other"), limit: 3) }
    #expect(report.findings.map(\.severity) == [.error, .error, .warning])
    #expect(report.errors == 2 && report.warnings == 5)
  }

  /// Compressor options that the kernel rejects, or that are invalid.
  @Test(arguments: [
    ("-comp xz -Xdict-size 50%", 98, 5000, "WILL NOT MOUNT", "neither a power of two"),
    ("-comp lz4", 98, 2, "WILL NOT MOUNT", "lz4 version 2"),
    ("-comp gzip -Xcompression-level 3", 98, 77, "whole", "gzip level 77"),
  ])
  func optionsOfCompressors(
    options: String, place: Int, value: UInt32, verdict: String, message: String
  ) throws {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-c",
        "mkdir t; seq 99 > t/f; mksquashfs t i.squash -b 16K \(options) -quiet -no-progress",
      ], in: folder.root)
    var bytes = try folder.read("i.squash")
    bytes.replaceSubrange(
      place..<place + 4, with: withUnsafeBytes(of: value.littleEndian, Array.init))
    try folder.write("i.squash", bytes)
    let result = try Tool.autosquash("verify", "i.squash", in: folder.root)
    #expect(result.text.contains(message) && result.text.contains(verdict), "\(result.summary)")
  }

  @Test func whatAKernelNeedsIsTold() throws {
    let image = try PlainImage()
    try image.folder.write("i.squash", image.bytes)
    let needs = "CONFIG_SQUASHFS_ZLIB"
    let result = try Tool.autosquash("verify", "-v", "i.squash", in: image.folder.root)
    #expect(result.text.contains("; needs \(needs) and CONFIG_SQUASHFS_XATTR, "))
    let json = try Tool.autosquash("verify", "i.squash", "--json", in: image.folder.root)
    #expect(json.text.contains("\"needs\": [\"\(needs)\", \"CONFIG_SQUASHFS_XATTR\"]"))
  }

  @Test func quickReadsNoContents() throws {
    let image = try PlainImage()
    let report = try image.verify(quick: true)
    #expect(report.isWhole && report.contents.blocks == 0, "\(report.text)")
  }
}

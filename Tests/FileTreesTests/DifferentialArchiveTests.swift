import FileTrees
import TestSupport
import Testing
import TreeModel

/// Random small archives, mutated and joined: an accepted archive has no fewer entries than two
/// other readers find in it, and, if undamaged, than were put in; otherwise something got lost
/// silently.
@Suite struct DifferentialArchiveTests {
  /// A kind of archive, and its other readers.
  enum Kind: String, CaseIterable, Sendable {
    case tar, cpio, zip

    /// Shell commands that print a line for each entry of `$f`.
    var readers: [String] {
      switch self {
      case .tar:
        // Both read on after the end, as far as they can.
        [
          "bsdtar --options read_concatenated_archives -tf $f",
          "tar --quoting-style=escape --ignore-zeros -tf $f",
        ]
      case .cpio: ["bsdtar -tf $f", "cpio --quiet -it <$f"]
      case .zip: ["bsdtar -tf $f", "unzip -Z1 $f"]
      }
    }
  }

  private static let archivesOfASeed = 170

  /// 2,040 archives in all.
  @Test(arguments: Kind.allCases, 1...4 as ClosedRange<UInt64>)
  func nothingGoesMissingUntold(kind: Kind, seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let folder = try TemporaryFolder()
    var taken: [(file: String, entries: Int)] = []
    for number in 0..<Self.archivesOfASeed {
      var archive = Archive(kind, &random)
      archive.mutate(kind, &random)
      try folder.write("a", archive.bytes)
      guard let entries = try? Self.entries(folder.path("a")) else { continue }
      #expect(entries >= archive.intact, "\(kind) \(number) of seed \(seed)")
      let file = "\(number)"
      try folder.write(file, archive.bytes)
      taken.append((file, entries))
    }
    // A test that accepts nothing proves nothing.
    #expect(taken.count > Self.archivesOfASeed / 8, "seed \(seed)")
    let counts = try Self.count(kind, taken.map(\.file), in: folder)
    for ((file, entries), others) in zip(taken, counts) {
      #expect(
        entries >= others.min()!,
        "\(kind) \(file) of seed \(seed): \(entries) entries, others read \(others)")
    }
  }

  /// The entries that `pack` accepts; throws if it would refuse the archive.
  private static func entries(_ path: String) throws -> Int {
    let assembler = TreeAssembler(TreeAssembler.Options(), content: MemorySink())
    let sink = CountingSink(assembler)
    let source = try ArchiveSource(path: Array(path.utf8))
    try source.read(into: sink)
    _ = try assembler.finish()
    return sink.count
  }

  private final class CountingSink: EntrySink {
    private let next: any EntrySink
    private(set) var count = 0

    init(_ next: any EntrySink) { self.next = next }

    func leavesOut(_ path: [UInt8]) throws -> Bool { try next.leavesOut(path) }

    func add(_ entry: TreeEntry, content: (any ContentSink) throws -> Void) throws -> Bool {
      count += 1
      return try next.add(entry, content: content)
    }
  }

  /// The number of entries that the other readers find, for each file.
  private static func count(
    _ kind: Kind, _ files: [String], in folder: TemporaryFolder
  ) throws -> [[Int]] {
    let counts = kind.readers.map { "n=$(\($0) 2>/dev/null | wc -l); printf '%s ' $n" }
    let script =
      "for f in \(files.joined(separator: " ")); do \(counts.joined(separator: "; ")); echo; done"
    return try Tool.check(["sh", "-c", script], in: folder.root).text.split(separator: "\n")
      .map { $0.split(separator: " ").compactMap { Int($0) } }
  }
}

/// A small archive of random members.
private struct Archive {
  private(set) var bytes: [UInt8]
  /// The number of members that must be found if nothing was damaged.
  private(set) var intact: Int

  init(_ kind: DifferentialArchiveTests.Kind, _ random: inout SeededGenerator) {
    intact = Int.random(in: 0...5, using: &random)
    let names = (0..<intact).map { "n\($0)" + (Bool.random(using: &random) ? "/f" : "") }
    func content() -> [UInt8] {
      let size = [0, 1, 511, 512, 700].randomElement(using: &random)!
      return (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    switch kind {
    case .tar:
      var tar = TarBuilder()
      for name in names {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: tar.add(name, type: "2", link: "target")
        case 1: tar.add(name, type: "5", mode: 0o755)
        case 2:
          tar.addPax([("comment", content()), ("mtime", Array("77.5".utf8))])
          tar.add(name, content())
        default: tar.add(name, content())
        }
      }
      bytes = tar.finished(endBlocks: [2, 2, 2, 1, 20, 3].randomElement(using: &random)!)
    case .cpio:
      var cpio = CpioBuilder([.new, .checked, .odc].randomElement(using: &random)!)
      for (number, name) in names.enumerated() {
        let text = String(repeating: "x", count: Int.random(in: 0...9, using: &random))
        cpio.add(
          name, text, inode: number / Int.random(in: 1...2, using: &random),
          links: Int.random(in: 1...2, using: &random))
      }
      bytes = cpio.finished() + zeros(Int.random(in: 0...2, using: &random) * 256)
    case .zip:
      var zip = ZipBuilder()
      for name in names { zip.add(name, content()) }
      bytes = zip.finished()
    }
  }

  private mutating func join(_ other: Archive) {
    bytes += other.bytes
    intact += other.intact
  }

  mutating func mutate(
    _ kind: DifferentialArchiveTests.Kind, _ random: inout SeededGenerator
  ) {
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      guard !bytes.isEmpty else { return }
      switch Int.random(in: 0..<8, using: &random) {
      case 0: damage(&random)
      case 1: join(self)
      case 2:
        join(
          Archive(DifferentialArchiveTests.Kind.allCases.randomElement(using: &random)!, &random))
      case 3: bytes += zeros(Int.random(in: 1...3000, using: &random))
      case 4: bytes += [UInt8](repeating: 0x6a, count: Int.random(in: 1...3000, using: &random))
      case 5:
        bytes.insert(
          contentsOf: [UInt8](repeating: 0x23, count: Int.random(in: 1...600, using: &random)),
          at: 0)
      case 6:
        bytes += zeros((512 - bytes.count % 512) % 512)
        join(Archive(kind, &random))
      default: join(Archive(kind, &random))
      }
    }
  }

  private mutating func damage(_ random: inout SeededGenerator) {
    intact = 0
    let place = Int.random(in: 0..<bytes.count, using: &random)
    let block = place / 512 * 512
    let end = min(bytes.count, block + 512)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes.removeSubrange(place...)
    case 2: bytes.removeSubrange(block..<end)
    case 3: bytes.insert(contentsOf: zeros(512), at: block)
    default: bytes.insert(contentsOf: bytes[block..<end], at: block)
    }
  }
}

private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

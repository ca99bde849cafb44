import Foundation
import SquashFSFormat
import TestSupport
import Testing

/// Small images that cause a lot of work if believed: reading takes no more time than the image's
/// size justifies, nor much memory, and nobody is misled.
@Suite(.serialized) struct EffortTests {
  typealias Entry = CraftedImage.Entry

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Reads an image in this process and counts; then runs commands on it, each within 256 MiB, and
  /// `verify` within 128 MiB.
  ///
  /// - Parameters:
  ///   - isWhole: whether `verify` finds nothing.
  ///   - change: adjusts the limits where they are not the usual ones.
  func run(
    _ image: CraftedImage, root: UInt64, _ readings: [Reading] = Reading.allCases,
    commands: [[String]] = Self.readers, isWhole: Bool = false,
    limits change: (inout EffortLimits) -> Void = { _ in }
  ) throws {
    let bytes = image.build(root: root)
    var limits = image.limits(bytes)
    change(&limits)
    try folder.write("i.squash", bytes)
    for reading in readings {
      limits.check(try reading.effort(of: folder.path("i.squash")), reading.rawValue)
    }
    for command in [["verify", "i.squash", "-q"]] + commands {
      let (result, needs) = try Tool.measure([Tool.autosquash] + command, in: folder.root)
      #expect([0, 1].contains(result.status), "\(command): \(result.summary.suffix(300))")
      let memory = (command[0] == "verify" ? 128 : 256) << 20
      #expect(needs.memory < memory, "\(command)")
      if command[0] == "verify" {
        #expect((result.status == 0) == isWhole, "\(result.summary.suffix(300))")
      }
    }
  }

  static let readers = [
    ["ls", "-lR", "i.squash"], ["manifest", "i.squash"], ["cat", "i.squash", "**"],
    ["extract", "i.squash", "-C", "out", "-fq"],
    ["extract", "i.squash", "-C", "out", "-fq", "--keep-going"],
    ["extract", "i.squash", "--to-tar", "/dev/null"],
  ]

  /// A zlib stream of a few bytes that unpacks to a megabyte.
  private func bomb() throws -> [UInt8] {
    try Tool.check([
      "python3", "-c",
      "import sys, zlib; sys.stdout.buffer.write(zlib.compress(bytes(1 << 20), 9))",
    ]).output
  }

  /// Each of many fragments is the same block, which is unpacked once.
  @Test func manyFragmentsInOnePlace() throws {
    var image = CraftedImage(data: try bomb())
    image.blockLog = 20
    for _ in 0..<50_000 {
      image.fragments.add(UInt64(96), UInt32(image.data.count), UInt32(0))
    }
    let root = image.addDirectory(1, [])
    // Everything in it is readable; it only has things that nobody uses.
    try run(image, root: root, [.verify], commands: [], isWhole: true) { $0.dataBlocks = 1 }
  }

  /// Blocks of all sizes begin at the same place; only one of them can be meant.
  @Test func manyBlocksOnTopOfEachOther() throws {
    var image = CraftedImage(data: try bomb() + [UInt8](repeating: 0, count: 200_000))
    image.blockLog = 20
    var entries: [Entry] = []
    for number in 0..<10_000 {
      let size = UInt32(image.data.count - 200_000 + 2 * number)
      let inode = image.addFile(
        UInt32(number + 2), at: 96, size: 1 << 20, blocks: [size])
      entries.append(
        Entry(
          name: String(format: "f%05d", number), inode: inode, number: UInt32(number + 2), type: 2))
    }
    let root = image.addDirectory(1, entries)
    try run(image, root: root, [.verify], commands: []) { $0.dataBlocks = 1 }
  }

  /// The list of blocks of each file covers the inodes after it.
  @Test func blockListsOnTopOfEachOther() throws {
    var image = CraftedImage()
    image.blockLog = 20
    var entries: [Entry] = []
    for number in 0..<3000 {
      let inode = image.addFile(UInt32(number + 2), at: 96, size: 2_000_000 << 20)
      entries.append(
        Entry(
          name: String(format: "f%05d", number), inode: inode, number: UInt32(number + 2), type: 2))
    }
    image.inodes.bytes += [UInt8](repeating: 0, count: 8_000_100)
    let root = image.addDirectory(1, entries)
    try run(
      image, root: root, [.verify, .walk],
      commands: [Self.readers[0], Self.readers[3], Self.readers[4]]
    ) { $0.passes = EffortLimits.passesOfShared }
  }

  /// A file with one name, by its inode, and thousands in its directory.
  @Test func manyNamesOfOneLargeFile() throws {
    var image = CraftedImage()
    image.blockLog = 20
    let inode = image.addFile(
      2, at: 96, size: 1_000_000 << 20, blocks: [UInt32](repeating: 0, count: 1_000_000))
    let root = image.addDirectory(
      1,
      (0..<5000).map {
        Entry(name: String(format: "f%05d", $0), inode: inode, number: 2, type: 2)
      })
    try run(
      image, root: root, [.verify, .walk],
      commands: [Self.readers[0], Self.readers[3], Self.readers[4]]
    ) { $0.passes = EffortLimits.passesOfShared }
  }

  /// Millions of inodes are claimed; memory is used only for real ones.
  @Test func manyInodesThatAreNotThere() throws {
    var image = CraftedImage()
    for _ in 0..<400_000 { _ = image.addFifo(2) }
    let root = image.addDirectory(1, [])
    image.inodeCount = 60_000_000
    try run(image, root: root, [.verify, .walk], commands: [Self.readers[0]])
  }

  /// A link and a directory with the same name: neither an archive nor a manifest may have both.
  @Test func namesThatAreThereTwiceAreRefused() throws {
    var image = CraftedImage()
    let evil = image.addFifo(4)
    let link = image.addLink(2, to: "/elsewhere")
    let directory = image.addDirectory(3, [Entry(name: "evil", inode: evil, number: 4, type: 6)])
    let root = image.addDirectory(
      1,
      [
        Entry(name: "a", inode: link, number: 2, type: 3),
        Entry(name: "a", inode: directory, number: 3, type: 1),
      ])
    try folder.write("i.squash", image.build(root: root))
    for command in [["manifest", "i.squash"], ["extract", "i.squash", "--to-tar", "out.tar"]] {
      let result = try Tool.run([Tool.autosquash] + command, in: folder.root)
      #expect(
        result.status == 1 && result.errors.contains("is in its directory twice"),
        "\(result.summary)")
    }
    #expect(!folder.exists("out.tar"))
  }

  /// Terminals act on some characters, even in output for programs.
  @Test func namesInJSONAreHarmless() throws {
    var image = CraftedImage()
    let fifo = image.addFifo(2)
    let root = image.addDirectory(
      1, [Entry(name: "a\u{9b}b\u{202e}c\u{e0001}d", inode: fifo, number: 2, type: 6)])
    try folder.write("i.squash", image.build(root: root))
    let result = try Tool.autosquash("ls", "--json", "i.squash", in: folder.root)
    #expect(result.text.contains(#""a\u009bb\u202ec\udb40\udc01d""#), "\(result.text)")
  }

  /// A ratio of 9 exabytes to nothing.
  @Test func imagesAsLargeAsCanBe() throws {
    var image = CraftedImage(data: [UInt8(ascii: "x")])
    let file = image.addFile(2, at: 96, size: 1, blocks: [1 << 24 | 1])
    let root = image.addDirectory(1, [Entry(name: "f", inode: file, number: 2, type: 2)])
    var bytes = image.build(root: root)
    try Tool.check(["mkdir", "m"], in: folder.root)
    try Tool.check(["mount", "-t", "tmpfs", "none", folder.path("m")])
    defer { _ = try? Tool.run(["umount", folder.path("m")]) }
    // The id table at the end of a file that is one hole except for its ends.
    let size = UInt64(1) << 63 - 4096
    var (used, list) = (CraftedImage.Bytes(), CraftedImage.Bytes())
    used.add(size, size - 8)
    list.add(UInt16(0x8004), UInt32(0), size - 14)
    bytes.replaceSubrange(40..<56, with: used.bytes)
    try folder.write("m/i.squash", bytes)
    try folder.write("end", list.bytes)
    try Tool.check(["truncate", "-s", "\(size)", folder.path("m/i.squash")])
    try Tool.check([
      "dd", "if=\(folder.path("end"))", "of=\(folder.path("m/i.squash"))", "bs=1",
      "oflag=seek_bytes",
      "seek=\(size - 14)", "conv=notrunc", "status=none",
    ])
    for arguments in [["info"], ["info", "--json"], ["ls", "-lh"], ["cat"]] {
      let result = try Tool.run(
        [Tool.autosquash] + arguments + ["m/i.squash"] + (arguments == ["cat"] ? ["f"] : []),
        in: folder.root)
      #expect(result.status == 0, "\(arguments): \(result.summary)")
    }
  }

  /// Defaults from `/set` would be copied to every entry.
  @Test func specificationsWithEndlessDefaultsAreRefused() throws {
    var image = CraftedImage()
    let root = image.addDirectory(1, [])
    try folder.write("i.squash", image.build(root: root))
    let keywords = (0..<2000).map { "k\($0)=v" }.joined(separator: " ")
    let entries = (0..<20_000).map { "./f\($0) type=fifo\n" }.joined()
    try folder.write("m.mtree", Array("#mtree\n/set \(keywords)\n\(entries)".utf8))
    let (result, needs) = try Tool.measure(
      [Tool.autosquash, "verify", "i.squash", "--manifest", "m.mtree"], in: folder.root)
    #expect(result.status == 2 && result.errors.contains("/set"), "\(result.summary)")
    #expect(needs.memory < 128 << 20)
  }
}

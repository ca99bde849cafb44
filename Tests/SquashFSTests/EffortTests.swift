import Foundation
import Posix
import SquashFSFormat
import TestSupport
import Testing

@testable import SquashFS

/// Small images that mean a lot of work to who believes them: no command may take long, or much
/// memory, or lead astray.
@Suite(.serialized) struct EffortTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Seconds of processor time: without optimization all takes ten times as long.
  #if DEBUG
    private static let limit = 60.0
  #else
    private static let limit = 10.0
  #endif

  /// Runs commands on an image; each ends soon and within 256 MiB, `verify` within 128 MiB.
  func run(
    _ image: CraftedImage, root: UInt64, _ commands: [[String]],
    isWhole: Bool = false
  ) throws {
    try folder.write("i.squash", image.build(root: root))
    for command in [["verify", "i.squash", "-q"]] + commands {
      let (result, needs) = try Tool.measure(
        ["timeout", "300", Tool.autosquash] + command, in: folder.root)
      #expect([0, 1].contains(result.status), "\(command): \(result.summary.suffix(300))")
      #expect(needs.seconds < Self.limit, "\(command)")
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

  typealias Entry = CraftedImage.Entry

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
    // Nothing in it cannot be read; it only has things that nobody uses.
    try run(image, root: root, [], isWhole: true)
  }

  /// Blocks of all sizes begin in one place; only one of them can be meant.
  @Test func manyBlocksOnTopOfEachOther() throws {
    var image = CraftedImage(data: try bomb() + [UInt8](repeating: 0, count: 200_000))
    image.blockLog = 20
    var entries: [Entry] = []
    for number in 0..<70_000 {
      let size = UInt32(image.data.count - 200_000 + 2 * number)
      let inode = image.addFile(
        UInt32(number + 2), at: 96, size: 1 << 20, blocks: [size])
      entries.append(
        Entry(
          name: String(format: "f%05d", number), inode: inode, number: UInt32(number + 2), type: 2))
    }
    let root = image.addDirectory(1, entries)
    try run(image, root: root, [])
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
    try run(image, root: root, [Self.readers[0], Self.readers[3], Self.readers[4]])
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
    try run(image, root: root, [Self.readers[0], Self.readers[3], Self.readers[4]])
  }

  /// Directories read each other as their index: each inode of 40 bytes passes for an entry with a
  /// name of 28, which leads to the listing's start.
  @Test func indexesOfOtherInodes() throws {
    var image = CraftedImage()
    let (listing, size) = image.addListing([
      Entry(name: "a", inode: 0, number: 3, type: 2),
      Entry(name: "b", inode: 0, number: 3, type: 2),
    ])
    var entries: [Entry] = []
    for number in 0..<30_000 {
      let inode = image.addDirectory(
        UInt32(number + 2), listing: listing, size: size, indexCount: 65_535, mode: 0,
        modified: 27)
      entries.append(
        Entry(
          name: String(format: "d%05d", number), inode: inode, number: UInt32(number + 2), type: 1))
    }
    let root = image.addDirectory(1, entries)
    try run(image, root: root, Self.readers)
  }

  /// Adds a root with directories from inode 3 on.
  ///
  /// - Parameter listing: the place of the listing of each.
  private func addDirectories(
    _ count: Int, to image: inout CraftedImage, size: Int, listing: (Int) -> UInt64
  ) -> UInt64 {
    var entries: [Entry] = []
    for number in 0..<count {
      let inode = image.addDirectory(UInt32(number + 3), listing: listing(number), size: size)
      entries.append(
        Entry(
          name: String(format: "d%05d", number), inode: inode, number: UInt32(number + 3), type: 1))
    }
    return image.addDirectory(1, entries)
  }

  /// Directories have one large listing in common.
  @Test func manyDirectoriesWithOneListing() throws {
    var image = CraftedImage()
    let fifo = image.addFifo(2)
    let (listing, size) = image.addListing(
      (0..<1000).map {
        Entry(name: String(format: "f%05d", $0), inode: fifo, number: 2, type: 6)
      })
    let root = addDirectories(1000, to: &image, size: size) { _ in listing }
    try run(image, root: root, Self.readers)
  }

  /// The same beside a table of zeros, which is large when it is unpacked, and with names that lead
  /// to one long symbolic link.
  @Test func oneListingInALargeTable() throws {
    var image = CraftedImage()
    let link = image.addLink(2, to: String(repeating: "x", count: 4000))
    let (listing, size) = image.addListing(
      (0..<1000).map {
        Entry(name: String(format: "f%05d", $0), inode: link, number: 2, type: 3)
      })
    image.listings.bytes += [UInt8](repeating: 0, count: 30_000_000)
    let root = addDirectories(1000, to: &image, size: size) { _ in listing }
    try run(image, root: root, Self.readers)
  }

  /// The same bytes are the listings of thousands of directories, by way of metadata blocks that
  /// begin at each of the places before them: a run of headers.
  @Test func oneListingInManyBlocks() throws {
    var image = CraftedImage()
    let fifo = image.addFifo(2)
    image.listings.bytes = (0..<2048).flatMap { _ in [0x00, 0xa0] as [UInt8] }
    let start = image.listings.bytes.count
    for group in 0..<2 {
      image.listings.add(UInt32(149), UInt32(fifo >> 16), UInt32(2))
      for entry in 0..<150 {
        image.listings.add(UInt16(fifo & 0xffff), Int16(0), UInt16(6), UInt16(4))
        image.listings.bytes += String(format: "%d%04d", group, entry).utf8
      }
    }
    let size = image.listings.bytes.count - start
    image.listings.bytes += [UInt8](repeating: 0, count: 3 * 8192 - image.listings.bytes.count)
    let root = addDirectories(2000, to: &image, size: size) { number in
      // The table's own header comes first.
      let block = 2 + 2 * number
      return UInt64(block << 16 | (2 + start - block - 2))
    }
    try run(image, root: root, Self.readers)
    for command in [["verify", "i.squash"], ["manifest", "i.squash"], ["ls", "-R", "i.squash"]] {
      let result = try Tool.run([Tool.autosquash] + command, in: folder.root)
      #expect(
        (result.text + result.errors).contains("directories share their listings"), "\(command)")
    }
  }

  /// Each symbolic link has the inodes of those after it as its target.
  @Test func targetsOnTopOfEachOther() throws {
    var image = CraftedImage()
    var entries: [Entry] = []
    for number in 0..<100_000 {
      let link = image.addLink(UInt32(number + 2), to: "")
      image.inodes.bytes[image.inodes.bytes.count - 4] = 0x60
      image.inodes.bytes[image.inodes.bytes.count - 3] = 0xea  // 60,000 bytes
      entries.append(
        Entry(
          name: String(format: "l%06d", number), inode: link, number: UInt32(number + 2), type: 3))
    }
    image.inodes.bytes += [UInt8](repeating: 1, count: 60_000)
    let root = image.addDirectory(1, entries)
    try run(image, root: root, Self.readers)
  }

  /// One symbolic link of a long target has many names, by a count of one.
  @Test func manyNamesOfOneLongLink() throws {
    var image = CraftedImage()
    let link = image.addLink(2, to: String(repeating: "x", count: 4000))
    let root = image.addDirectory(
      1,
      (0..<200_000).map {
        Entry(name: String(format: "f%06d", $0), inode: link, number: 2, type: 3)
      })
    try run(image, root: root, Self.readers)
  }

  /// Links lead up and down again and again, each time by way of the whole index of a directory.
  @Test func longIndexesReadOverAndOver() throws {
    var image = CraftedImage()
    var entries = [
      Entry(name: "a", inode: image.addDirectory(50, listing: 0, size: 0), number: 50, type: 1)
    ]
    for number in 0..<39 {
      let next = number < 38 ? String(format: "s%02d", number + 1) : "a"
      let link = image.addLink(
        UInt32(number + 2), to: String(repeating: "a/../", count: 13_000) + next)
      entries.append(
        Entry(
          name: String(format: "s%02d", number), inode: link, number: UInt32(number + 2), type: 3))
    }
    let (listing, _) = image.addListing(entries)
    let root = image.addDirectory(1, listing: listing, size: 1_500_000, indexCount: 65_535)
    for _ in 0..<65_535 {
      image.inodes.add(UInt32(0), UInt32(0), UInt32(0))
      image.inodes.bytes += "A".utf8
    }
    try run(image, root: root, [["cat", "i.squash", "s00"], ["ls", "i.squash", "s00/"]])
  }

  /// Millions of inodes are said to be there; memory is for those that are.
  @Test func manyInodesThatAreNotThere() throws {
    var image = CraftedImage()
    for _ in 0..<400_000 { _ = image.addFifo(2) }
    let root = image.addDirectory(1, [])
    image.inodeCount = 60_000_000
    try run(image, root: root, [Self.readers[0]])
  }

  /// A file at the bottom of a deep tree has thousands of names at its top.
  @Test func linksIntoTheDeep() throws {
    var image = CraftedImage()
    let (count, depth) = (20_000, 2500)
    let file = image.addFifo(2, links: UInt32(count + 1))
    var below = image.addDirectory(3, [Entry(name: "f", inode: file, number: 2, type: 6)])
    for level in 1..<depth {
      below = image.addDirectory(
        UInt32(level + 3), [Entry(name: "d", inode: below, number: UInt32(level + 2), type: 1)])
    }
    let root = image.addDirectory(
      1,
      [Entry(name: "d", inode: below, number: UInt32(depth + 2), type: 1)]
        + (0..<count).map {
          Entry(name: String(format: "l%05d", $0), inode: file, number: 2, type: 6)
        })
    try run(image, root: root, Self.readers)
  }

  /// Files in a deep directory, whose paths would fill the memory.
  @Test func manyLongPaths() throws {
    var image = CraftedImage()
    let name = String(repeating: "n", count: 250)
    var entries = (0..<40_000).map { number in
      Entry(
        name: String(format: "f%05d", number),
        inode: image.addFifo(UInt32(number + 2), links: 2), number: UInt32(number + 2), type: 6)
    }
    for level in 0..<30 {
      let number = UInt32(50_000 + level)
      entries = [
        Entry(name: name, inode: image.addDirectory(number, entries), number: number, type: 1)
      ]
    }
    let root = image.addDirectory(1, entries)
    try run(image, root: root, Self.readers)
  }

  /// Links that have to be looked for in a large directory without an index.
  @Test func manyLinksWithoutAnIndex() throws {
    var image = CraftedImage()
    let entries = (0..<60_000).map { number in
      Entry(
        name: String(format: "l%05d", number),
        inode: image.addLink(UInt32(number + 2), to: "zz"), number: UInt32(number + 2), type: 3)
    }
    let last = image.addFifo(70_000)
    let root = image.addDirectory(
      1, entries + [Entry(name: "zz", inode: last, number: 70_000, type: 6)])
    image.inodeCount = 60_002
    try run(image, root: root, [["cat", "i.squash", "**"]])
  }

  /// A link and a directory of one name: neither an archive nor a manifest may have both.
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

  /// Terminals take some characters for commands, also in what programs read.
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
    // The id table at the end of a file that is all hole but for its ends.
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

  /// What `/set` sets would be copied to every entry.
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

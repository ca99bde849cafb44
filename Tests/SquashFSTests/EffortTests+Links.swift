import Foundation
import SquashFSFormat
import TestSupport
import Testing

@testable import SquashFS

/// Symbolic and hard links that cause a lot of work.
extension EffortTests {
  /// Each symbolic link has the following inodes as its target.
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
    try run(image, root: root) { $0.passes = EffortLimits.passesOfShared }
  }

  /// One symbolic link with a long target has many names, with a link count of one.
  @Test func manyNamesOfOneLongLink() throws {
    var image = CraftedImage()
    let link = image.addLink(2, to: String(repeating: "x", count: 4000))
    let root = image.addDirectory(
      1,
      (0..<200_000).map {
        Entry(name: String(format: "f%06d", $0), inode: link, number: 2, type: 3)
      })
    try run(image, root: root)
  }

  /// Looks up paths in the image until it refuses, which happens after `most` entries.
  private func expectRefusal(
    lookingAt most: Int, _ body: (Image) throws -> Void
  ) throws {
    let image = try Image(ImageInput(path: Array(folder.path("i.squash").utf8)))
    image.lookups.most = most
    let error = #expect(throws: ImageReadError.self) { try body(image) }
    #expect(error?.message.contains("finding paths takes too long") == true)
    // An entry with a name of a few letters, or the inode that it leads to.
    #expect(image.work.metadataBytes < 40 * UInt64(most))
  }

  /// The same with the program, which looks at 50 million entries first.
  private func expectRefusal(by commands: [[String]]) throws {
    #if !DEBUG  // where it takes a minute
      for command in commands {
        let (result, needs) = try Tool.measure([Tool.autosquash] + command, in: folder.root)
        #expect(
          result.status == 1 && result.errors.contains("finding paths takes too long"),
          "\(result.summary)")
        #expect(needs.memory < 256 << 20, "\(command)")
      }
    #endif
  }

  /// Links lead up and down again and again, each time through the whole index of a directory.
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
    try run(image, root: root, [.verify, .walk], commands: [])
    for path in ["s00", "s00/"] {
      try expectRefusal(lookingAt: 1_000_000) {
        _ = try $0.lookup(Array(path.utf8), followsLast: true)
      }
    }
    try expectRefusal(by: [["cat", "i.squash", "s00"], ["ls", "i.squash", "s00/"]])
  }

  /// A file at the bottom of a deep tree, with a path of 8,000 bytes, has thousands of names at its
  /// top.
  @Test func linksIntoTheDeep() throws {
    var image = CraftedImage()
    let (count, depth) = (8000, 800)
    let file = image.addFifo(2, links: UInt32(count + 1))
    var below = image.addDirectory(3, [Entry(name: "f", inode: file, number: 2, type: 6)])
    for level in 1..<depth {
      below = image.addDirectory(
        UInt32(level + 3),
        [Entry(name: "directory", inode: below, number: UInt32(level + 2), type: 1)])
    }
    let root = image.addDirectory(
      1,
      [Entry(name: "directory", inode: below, number: UInt32(depth + 2), type: 1)]
        + (0..<count).map {
          Entry(name: String(format: "l%05d", $0), inode: file, number: 2, type: 6)
        })
    try run(image, root: root)
  }

  /// Links whose targets must be searched in a large directory without an index.
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
    try run(image, root: root, [.verify], commands: [])
    try expectRefusal(lookingAt: 1_000_000) { image in
      for number in 0..<60_000 {
        _ = try image.lookup(
          Array(String(format: "l%05d", number).utf8), followsLast: true, isFurther: true)
      }
    }
    try expectRefusal(by: [["cat", "i.squash", "**"]])
  }
}

import Foundation
import SquashFSFormat
import TestSupport
import Testing

/// Directories that cause a lot of work.
extension EffortTests {
  /// Directories use each other as their index: each inode of 40 bytes passes for an entry with a
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
    try run(image, root: root)
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

  /// Directories share one large listing.
  @Test func manyDirectoriesWithOneListing() throws {
    var image = CraftedImage()
    let fifo = image.addFifo(2)
    let (listing, size) = image.addListing(
      (0..<1000).map {
        Entry(name: String(format: "f%05d", $0), inode: fifo, number: 2, type: 6)
      })
    let root = addDirectories(1000, to: &image, size: size) { _ in listing }
    try run(image, root: root)
  }

  /// The same next to a table of zeros, which is large when unpacked, and with names that lead to
  /// one long symbolic link.
  @Test func oneListingInALargeTable() throws {
    var image = CraftedImage()
    let link = image.addLink(2, to: String(repeating: "x", count: 4000))
    let (listing, size) = image.addListing(
      (0..<1000).map {
        Entry(name: String(format: "f%05d", $0), inode: link, number: 2, type: 3)
      })
    image.listings.bytes += [UInt8](repeating: 0, count: 30_000_000)
    let root = addDirectories(1000, to: &image, size: size) { _ in listing }
    try run(image, root: root)
  }

  /// The same bytes are the listings of thousands of directories, through metadata blocks that
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
    try run(image, root: root)
    for command in [["verify", "i.squash"], ["manifest", "i.squash"], ["ls", "-R", "i.squash"]] {
      let result = try Tool.run([Tool.autosquash] + command, in: folder.root)
      #expect(
        (result.text + result.errors).contains("directories share their listings"), "\(command)")
    }
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
    try run(image, root: root)
  }
}

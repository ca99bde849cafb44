import Foundation
import SquashFSFormat
import TestSupport

@testable import SquashFS

/// The kinds of damage, table by table.
extension DamageTests {
  // MARK: The superblock and the file

  static let superblockCases: [Case] = [
    Case("not an image", .superblock) { $0.set(0, text: "nope") },
    Case("a build that was killed", .superblock) { image in
      image.bytes.replaceSubrange(0..<96, with: repeatElement(0, count: 96))
    },
    Case("a build by another tool that was killed", .superblock) { $0.set(4, UInt32(0)) },
    Case("an append that was killed", .superblock) { $0.set(0, UInt32(0)) },
    Case("block size", .superblock) { $0.set(12, UInt32(5000)) },
    Case("block size's logarithm", .superblock) { $0.set(22, UInt16(17)) },
    Case("compressor that is none", .superblock) { $0.set(20, UInt16(9)) },
    Case("version that no kernel mounts", .superblock) { $0.set(28, UInt16(3)) },
    Case("inode count too small", .inode) { $0.set(4, $0.superblock.inodeCount - 1) },
    Case("inode count too large", .inode) { $0.set(4, $0.superblock.inodeCount + 1) },
    Case("inode count far too large", .superblock) { $0.set(4, UInt32(200_000_000)) },
    Case("no ids", .superblock) { $0.set(26, UInt16(0)) },
    Case("one id less", .inode) { $0.set(26, $0.superblock.idCount - 1) },
    Case("unknown flag", .flags, severity: .warning) {
      $0.set(24, $0.superblock.flags.rawValue | 0x8000)
    },
    Case("obsolete check flag", .flags, severity: .warning, at: .byte(24)) {
      $0.set(24, $0.superblock.flags.rawValue | 0x0004)
    },
    Case("flag for compressor options", .layout) {
      $0.set(24, $0.superblock.flags.rawValue | 0x0400)
    },
    Case("export flag", .flags, severity: .warning) {
      $0.set(24, $0.superblock.flags.rawValue & ~0x0080)
    },
    Case("flag for no attributes", .flags, severity: .warning, at: .byte(24)) {
      $0.set(24, $0.superblock.flags.rawValue | 0x0200)
    },
    Case("flag for no fragments", .flags, severity: .warning, at: .byte(24)) {
      $0.set(24, $0.superblock.flags.rawValue | 0x0010)
    },
    Case("root is a file", .directory) {
      $0.set(32, try PlainImage.reference(of: "tail", $0))
    },
    Case("root is another directory", .orphan) {
      $0.set(32, try PlainImage.reference(of: "dir", $0))
    },
    Case("image larger than Linux knows", .superblock) { $0.set(40, UInt64(1) << 63) },
    Case("image said to be a bit larger", .idTable) { image in
      var plain = try PlainImage(attributes: false)
      plain.set(40, plain.superblock.bytesUsed + 100)
      image.bytes = plain.bytes
    },
    Case("image said to be a bit larger, with attributes", .xattrTable) {
      $0.set(40, $0.superblock.bytesUsed + 100)
    },
    Case("fragment count", .fragmentTable) { $0.set(16, UInt32(5000)) },
    Case("no fragments", .tail) { $0.set(16, UInt32(0)) },
    Case("file cut by a byte of the tables", .truncated) { image in
      image.bytes.removeLast(image.bytes.count - Int(image.superblock.bytesUsed) + 1)
    },
    Case("file cut in half", .truncated) { $0.bytes.removeLast($0.bytes.count / 2) },
    Case("a length that some loop devices do not want", .padding, severity: .note) { image in
      let blocks = (Int(image.superblock.bytesUsed) + 1023) / 1024
      let odd = blocks % 4 == 0 ? blocks + 1 : blocks
      image.bytes.removeLast(image.bytes.count - Int(image.superblock.bytesUsed))
      image.bytes += [UInt8](repeating: 0, count: odd * 1024 - image.bytes.count)
    },
    Case("megabytes of zeros after the end", .trailing, severity: .note) { image in
      image.bytes += [UInt8](repeating: 0, count: 2 << 20)
    },
    Case("no padding", .padding, at: .end) { image in
      image.bytes.removeLast(image.bytes.count - Int(image.superblock.bytesUsed))
    },
    Case("a byte less than a block of the kernel's", .padding) { image in
      let end = (Int(image.superblock.bytesUsed) + 1023) / 1024 * 1024
      image.bytes.removeLast(image.bytes.count - end + 1)
    },
    Case("something after the end", .trailing, severity: .warning) { image in
      image.bytes += Array("appended".utf8) + [UInt8](repeating: 0, count: 4088)
    },
  ]

  // MARK: Tables

  static let tableCases: [Case] = [
    Case("inode table elsewhere", .inode) { $0.set(64, $0.superblock.inodeTable + 2) },
    Case("fragment table before the directory table", .layout) { image in
      image.set(Int(image.superblock.fragmentTable), image.superblock.directoryTable - 100)
    },
    Case("directory table before the inode table", .layout) {
      $0.set(72, $0.superblock.inodeTable - 100)
    },
    Case("two tables in one place", .superblock) { $0.set(72, $0.superblock.inodeTable) },
    Case("table outside the image", .superblock) { $0.set(64, UInt64(1) << 60) },
    Case("id table is the fragment table", .idTable) { $0.set(48, $0.superblock.fragmentTable) },
    Case("metadata block of no size", .inode) {
      $0.set(Int($0.superblock.inodeTable), UInt16(0x8000))
    },
    Case("metadata block that is too large", .directory) {
      $0.set(Int($0.superblock.directoryTable), UInt16(0xffff))
    },
    Case("metadata block that is not compressed", .inode) { image in
      let header = image.number(at: Int(image.superblock.inodeTable), as: UInt16.self)
      image.set(Int(image.superblock.inodeTable), header & 0x7fff)
    },
    Case("id table's list", .layout) { image in
      let list = Int(image.superblock.idTable)
      image.set(list, image.number(at: list, as: UInt64.self) - 1)
    },
    Case("fragment table's list", .fragmentTable) { image in
      let list = Int(image.superblock.fragmentTable)
      image.set(list, image.number(at: list, as: UInt64.self) + 1)
    },
    Case("an id twice", .idTable, severity: .warning) { image in
      image.set(image.firstRow(image.superblock.idTable) + 4, UInt32(0))
    },
    Case("an id that is none", .idTable, severity: .warning) { image in
      image.set(image.firstRow(image.superblock.idTable) + 4, UInt32.max)
    },
    Case("row of the export table", .exportTable) { image in
      image.set(image.firstRow(image.superblock.exportTable) + 8, UInt64(12))
    },
    Case("place of a fragment", .fragmentTable) { image in
      image.set(image.firstRow(image.superblock.fragmentTable), UInt64(1) << 40)
    },
    Case("size of a fragment", .fragmentTable) { image in
      image.set(image.firstRow(image.superblock.fragmentTable) + 8, UInt32(0x0100_ffff))
    },
    Case("size of a fragment, a byte less", .tail) { image in
      let row = image.firstRow(image.superblock.fragmentTable) + 8
      image.set(row, image.number(at: row, as: UInt32.self) - 1)
    },
    Case("a fragment twice", .gap, severity: .warning) { image in
      let row = image.firstRow(image.superblock.fragmentTable)
      image.bytes.replaceSubrange(row + 16..<row + 32, with: image.bytes[row..<row + 16])
    },
    Case("unused field of a fragment", .fragmentTable, severity: .warning) { image in
      image.set(image.firstRow(image.superblock.fragmentTable) + 12, UInt32(1))
    },
    Case("a set of attributes with none", .xattrTable) { image in
      image.set(image.firstRow(image.superblock.xattrTable + 16) + 8, UInt32(0))
    },
    Case("size of a set of attributes", .xattrTable, severity: .warning) { image in
      image.set(image.firstRow(image.superblock.xattrTable + 16) + 12, UInt32(77))
    },
    Case("a NUL in an attribute's name", .xattrTable) { image in
      let pairs = Int(image.number(at: Int(image.superblock.xattrTable), as: UInt64.self)) + 2
      image.set(pairs + 4, UInt8(0))
    },
    Case("number of attributes in a set", .xattrTable) { image in
      image.set(image.firstRow(image.superblock.xattrTable + 16) + 8, UInt32(100))
    },
    Case("place of a set of attributes", .xattrTable) { image in
      image.set(image.firstRow(image.superblock.xattrTable + 16), UInt64(0xffff_ffff_ffff))
    },
    Case("two sets of attributes in one place", .xattrTable) { image in
      let row = image.firstRow(image.superblock.xattrTable + 16)
      image.set(row + 16, image.number(at: row, as: UInt64.self))
    },
    Case("no sets of attributes", .xattrTable) { image in
      image.set(Int(image.superblock.xattrTable) + 8, UInt32(0))
    },
    Case("kind of an attribute", .xattrTable) { image in
      let pairs = Int(image.number(at: Int(image.superblock.xattrTable), as: UInt64.self)) + 2
      image.set(pairs, UInt16(77))
    },
    Case("size of an attribute's value", .xattrTable) { image in
      let pairs = Int(image.number(at: Int(image.superblock.xattrTable), as: UInt64.self)) + 2
      image.set(pairs + 4 + 3, UInt32(1_000_000))
    },
    Case("number of sets of attributes", .layout) { image in
      image.set(Int(image.superblock.xattrTable) + 8, UInt32.max)
    },
  ]

  // MARK: Inodes

  static let inodeCases: [Case] = [
    Case("type that is none", .inode) { $0.set(try $0.inode("tail"), UInt16(15)) },
    Case("another type of the same size", .directory, path: "fifo") {
      $0.set(try $0.inode("fifo"), UInt16(7))
    },
    Case("inode number 0", .inode) { $0.set(try $0.inode("link") + 12, UInt32(0)) },
    Case("inode number too large", .inode) { $0.set(try $0.inode("link") + 12, UInt32(99999)) },
    Case("inode number twice", .inode) {
      $0.set(try $0.inode("link") + 12, try $0.record("fifo").number)
    },
    Case("owner that is not in the table", .inode, path: "link") {
      $0.set(try $0.inode("link") + 4, UInt16(77))
    },
    Case("group that is not in the table", .inode, path: "dir/numbers") {
      $0.set(try $0.inode("dir/numbers") + 6, UInt16(77))
    },
    Case("link count too small", .links, path: "dir/second-name") {
      $0.set(try $0.inode("tail") + 40, UInt32(1))
    },
    Case("link count too large", .links, path: "dir/second-name") {
      $0.set(try $0.inode("tail") + 40, UInt32(3))
    },
    Case("link count of a directory", .links, severity: .warning, path: "dir/sub") {
      $0.set(try $0.inode("dir/sub") + 20, UInt32(9))
    },
    Case("set of attributes that is not there", .inode, path: "dir/second-name") {
      $0.set(try $0.inode("tail") + 52, UInt32(55))
    },
    Case("fragment that is not there", .tail, path: "dir/sub/leaf") {
      $0.set(try $0.inode("dir/sub/leaf") + 20, UInt32(1000))
    },
    Case("tail a byte beyond its fragment", .tail, path: "dir/sub/leaf") {
      let row = $0.firstRow($0.superblock.fragmentTable)
      $0.set(try $0.inode("dir/sub/leaf") + 20, UInt32(0))
      let size = $0.number(at: row + 8, as: UInt32.self) & 0xff_ffff
      $0.set(try $0.inode("dir/sub/leaf") + 24, size - 7)
    },
    Case("tail beyond its fragment", .block, path: "dir/sub/leaf") {
      $0.set(try $0.inode("dir/sub/leaf") + 24, UInt32(4090))
    },
    Case("fragment without a tail", .tail, path: "emptyfile") {
      $0.set(try $0.inode("emptyfile") + 20, UInt32(0))
    },
    Case("mode with the type's bits", .inode, path: "dir/numbers") {
      $0.set(try $0.inode("dir/numbers") + 2, UInt16(0o100644))
    },
    Case("mode of another type", .inode, path: "dir/numbers") {
      $0.set(try $0.inode("dir/numbers") + 2, UInt16(0o120644))
    },
    Case("tail at another place", .overlap) {
      $0.set(try $0.inode("dir/sub/leaf") + 24, try $0.record("dir/sub/leaf").tailOffset + 1)
    },
    Case("file that is too large for the table", .inode) {
      $0.set(try $0.inode("dir/numbers") + 28, UInt32.max)
    },
    Case("file that is a little shorter", .gap, severity: .warning) {
      $0.set(try $0.inode("dir/sub/leaf") + 28, UInt32(5))
    },
    Case("size of a block", .block, path: "dir/numbers") {
      $0.set(try $0.inode("dir/numbers") + 32, UInt32(0x0100_2000))
    },
    Case("block a byte shorter", .block, path: "dir/numbers") {
      $0.set(try $0.inode("dir/numbers") + 32, UInt32(0x0100_0fff))
    },
    Case("blocks elsewhere", .overlap) {
      $0.set(
        try $0.inode("dir/numbers") + 16, try $0.record("dir/other").blocksStart32 + 100)
    },
    Case("blocks outside the image", .block, path: "dir/numbers") {
      $0.set(try $0.inode("dir/numbers") + 16, UInt32.max - 5)
    },
    Case("bytes in holes", .sparse, severity: .warning, path: "sparse") {
      $0.set(try $0.inode("sparse") + 32, UInt64(1))
    },
    Case("more bytes in holes than in the file", .sparse, path: "sparse") {
      $0.set(try $0.inode("sparse") + 32, UInt64(1) << 40)
    },
    Case("size of a link's target", .inode) { $0.set(try $0.inode("link") + 20, UInt32(70_000)) },
    Case("empty target of a link", .inode, path: "link") { image in
      image.set(try image.inode("link") + 20, UInt32(0))
    },
    Case("a link count of 0", .links, path: "link") {
      $0.set(try $0.inode("link") + 16, UInt32(0))
    },
    Case("NUL in a link's target", .inode, path: "link") {
      $0.set(try $0.inode("link") + 24, UInt8(0))
    },
    Case("parent of a directory", .directory, path: "dir/sub") {
      $0.set(try $0.inode("dir/sub") + 28, try $0.record("many").number)
    },
    Case("parent of the root", .directory, path: "") {
      $0.set(try $0.inode("/") + 28, try $0.record("many").number)
    },
  ]

  // MARK: Directories

  static let directoryCases: [Case] = [
    Case("type of an entry", .directory, path: "tail") {
      $0.set(try $0.name("tail", in: "/") - 4, UInt16(3))
    },
    Case("type of an entry that is none", .directory, path: "tail") {
      $0.set(try $0.name("tail", in: "/") - 4, UInt16(9))
    },
    Case("inode number of an entry", .directory, path: "tail") { image in
      let entry = try image.name("tail", in: "/") - 6
      image.set(entry, image.number(at: entry, as: Int16.self) - 1)
    },
    Case("inode's place in an entry", .directory, path: "tail") { image in
      let entry = try image.name("tail", in: "/") - 8
      image.set(entry, image.number(at: entry, as: UInt16.self) - 4)
    },
    Case("name with a slash", .name) { $0.set(try $0.name("tail", in: "/") + 1, text: "/") },
    Case("name with a NUL", .name) { $0.set(try $0.name("tail", in: "/") + 1, UInt8(0)) },
    Case("the name of the parent", .name) { $0.set(try $0.name("xy", in: "/"), text: "..") },
    Case("names not sorted", .name) { $0.set(try $0.name("tail", in: "/"), text: "aail") },
    Case("a name twice", .name) { $0.set(try $0.name("link", in: "/"), text: "fifo") },
    Case("size of a name", .directory) { $0.set(try $0.name("tail", in: "/") - 2, UInt16(9000)) },
    Case("number of entries", .directory) { $0.set(try $0.listing("/"), UInt32(1000)) },
    Case("one entry less", .directory) { image in
      image.set(
        try image.listing("/"), image.number(at: try image.listing("/"), as: UInt32.self) - 1)
    },
    Case("size of a directory", .directory, path: "dir/sub") { image in
      let size = try image.inode("dir/sub") + 24
      image.set(size, image.number(at: size, as: UInt16.self) - 1)
    },
    Case("listing elsewhere", .directory, path: "dir/sub") {
      $0.set(try $0.inode("dir/sub") + 16, UInt32(0xff_ffff))
    },
    Case("a directory in itself", .cycle) { image in
      let (own, parent) = (try image.record("dir/sub"), try image.record("/"))
      let entry = try image.name("sub", in: "dir") - 8
      let listing = try image.listing("dir")
      image.set(entry, UInt16(try PlainImage.reference(of: "/", image) & 0xffff))
      image.set(
        listing + 4, UInt32(truncatingIfNeeded: try PlainImage.reference(of: "/", image) >> 16))
      image.set(
        entry + 2,
        Int16(truncatingIfNeeded: Int(parent.number) - Int(own.number))
          + image.number(at: entry + 2, as: Int16.self))
    },
    Case("an inode without a name", .orphan) { image in
      // Points to the fifo instead.
      let entry = try image.name("link", in: "/") - 8
      let other = try image.name("fifo", in: "/") - 8
      image.bytes.replaceSubrange(entry..<entry + 6, with: image.bytes[other..<other + 6])
    },
    Case("index of a directory: place", .directoryIndex, path: "many") { image in
      let index = try image.inode("many") + 40
      image.set(index, image.number(at: index, as: UInt32.self) + 1)
    },
    Case("index of a directory: block", .directoryIndex, path: "many") { image in
      let index = try image.inode("many") + 44
      image.set(index, image.number(at: index, as: UInt32.self) + 1)
    },
    Case("index of a directory: name", .directoryIndex, path: "many") { image in
      image.set(try image.inode("many") + 52, text: "b")
    },
  ]

  // MARK: Contents

  static let dataCases: [Case] = [
    Case("a fragment that is not compressed, said to be", .block) { image in
      let row = image.firstRow(image.superblock.fragmentTable) + 8
      image.set(row, image.number(at: row, as: UInt32.self) & 0xffff)
    },
    Case("a block that is not compressed, said to be", .block, path: "dir/numbers") {
      $0.set(try $0.inode("dir/numbers") + 32, UInt32(0x1000))
    },
    // Without a checksum over the metadata, only the leftover bytes reveal it.
    Case("a hole in place of a block", .gap, severity: .warning) {
      $0.set(try $0.inode("dir/numbers") + 32, UInt32(0))
    },
  ]
}

extension PlainImage {
  /// The reference to an inode as in the superblock and directories.
  static func reference(of path: String, _ image: PlainImage) throws -> UInt64 {
    // Nothing is compressed: blocks are 8,194 bytes apart.
    let offset = try image.inode(path) - Int(image.superblock.inodeTable)
    let block = offset / 8194
    return UInt64(block * 8194) << 16 | UInt64(offset - block * 8194 - 2)
  }
}

extension InodeRecord {
  var tailOffset: UInt32 {
    if case .file(let file) = body { file.fragmentOffset } else { 0 }
  }
  var blocksStart32: UInt32 {
    if case .file(let file) = body { UInt32(file.blocksStart) } else { 0 }
  }
}

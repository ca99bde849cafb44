import SquashFSFormat
import Testing

@Suite struct EncodingTests {
  private func encoded(_ build: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter(capacity: 1)
    build(&writer)
    return writer.withBytes { Array($0) }
  }

  @Test func superblockHasItsFieldsInPlace() {
    let bytes = encoded {
      $0.append(
        Superblock(
          inodeCount: 0x0102_0304, modified: 5, blockSize: .standard, fragmentCount: 6,
          compressor: .xz, flags: [.duplicatesShared, .noXattrs], idCount: 7,
          rootInode: MetadataReference(blockStart: 0x11, offset: 0x22), bytesUsed: 8, idTable: 9,
          xattrTable: Superblock.noTable, inodeTable: 10, directoryTable: 11, fragmentTable: 12,
          exportTable: 13))
    }
    #expect(bytes.count == Superblock.byteCount)
    #expect(Array(bytes[0..<8]) == Array("hsqs".utf8) + [4, 3, 2, 1])
    #expect(Array(bytes[12..<16]) == [0, 0, 2, 0])  // 128 KiB
    #expect(Array(bytes[20..<32]) == [4, 0, 17, 0, 0x40, 2, 7, 0, 4, 0, 0, 0])
    #expect(Array(bytes[32..<40]) == [0x22, 0, 0x11, 0, 0, 0, 0, 0])
    #expect(bytes[56..<64].allSatisfy { $0 == 0xff })
  }

  @Test(arguments: [
    (4095, false), (4096, true), (131_072, true), (1 << 20, true), (1 << 21, false), (-1, false),
    (5000, false),
  ])
  func blockSizesArePowersOfTwo(byteCount: Int, isValid: Bool) {
    #expect((BlockSize(byteCount: byteCount) != nil) == isValid)
  }

  @Test(
    arguments: [
      (8, 1, 0x801), (0xfff, 0xfffff, 0xffff_ffff), (1, 0x100, 0x10_0100),
    ] as [(UInt32, UInt32, UInt32)])
  func devicesAreEncodedAsLinuxDoes(major: UInt32, minor: UInt32, expected: UInt32) {
    #expect(EncodedDevice.encode(major: major, minor: minor) == expected)
    #expect(EncodedDevice.encode(major: 1 << 12, minor: 0) == nil)
    #expect(EncodedDevice.encode(major: 0, minor: 1 << 20) == nil)
  }

  @Test func inodesAreExtendedOnlyWhereTheyMustBe() {
    let file = Inode.File(
      blocksStart: 96, size: 10, sparse: 0, fragment: 0, fragmentOffset: 0)
    func inode(_ change: (inout Inode, inout Inode.File) -> Void) -> Inode {
      var inode = Inode(
        permissions: 0o644, uidIndex: 0, gidIndex: 0, modified: 0, number: 1, links: 1,
        xattrIndex: Inode.noXattrs, body: .fifo)
      var file = file
      change(&inode, &file)
      inode.body = .file(file)
      return inode
    }
    #expect(encoded { $0.append(inode { _, _ in }) }.count == 32)
    #expect(encoded { $0.append(inode { inode, _ in inode.links = 2 }) }.count == 56)
    #expect(encoded { $0.append(inode { inode, _ in inode.xattrIndex = 0 }) }.count == 56)
    #expect(inode { $1.size = 1 << 32 }.isExtended)
    #expect(inode { $1.blocksStart = 1 << 32 }.isExtended)
    #expect(inode { $1.sparse = 1 }.isExtended)
    #expect(!inode { $1.size = (1 << 32) - 1 }.isExtended)
  }

  @Test func anOrderMarkIsReadOnlyIfItIsWhole() throws {
    let mark = OrderMark(data: 106..<5000)
    let bytes = mark.bytes
    #expect(bytes.count == OrderMark.byteCount)
    #expect(OrderMark(parsing: bytes.span.bytes, imageEnd: 5000) == mark)
    #expect(OrderMark(parsing: bytes.span.bytes, imageEnd: 4999) == nil)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0x10
      #expect(OrderMark(parsing: damaged.span.bytes, imageEnd: 5000) == nil)
    }
    for data in [0..<96, 95..<200, 200..<200] as [Range<UInt64>] {
      let bytes = OrderMark(data: data).bytes
      #expect(OrderMark(parsing: bytes.span.bytes, imageEnd: 5000) == nil)
    }
    #expect(OrderMark(parsing: bytes.span.extracting(first: 63).bytes, imageEnd: 5000) == nil)
  }

  @Test(arguments: [(96, 128), (128, 128), (4095, 4096)] as [(UInt64, UInt64)])
  func anOrderMarkFollowsTheImage(end: UInt64, place: UInt64) {
    #expect(OrderMark.place(behind: end) == place)
    #expect(OrderMark.place(behind: .max) == nil)
  }
}

import Posix
import SquashFSFormat
import TestSupport
import Testing
import TreeModel

@testable import SquashFS

/// What a mount needs of an image: several readers, and reading from any place.
@Suite struct SharedReadingTests {
  private let folder: TemporaryFolder
  private let image: Image

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p tree/many; cd tree
        for i in $(seq 3000); do : >many/a-rather-long-name-$i; done
        seq 400000 >numbers; truncate -s 3M sparse; printf x | dd of=sparse bs=1 seek=1500000 \
          conv=notrunc status=none; truncate -s 2M hole; printf tail >small; : >empty
        setfattr -n user.a -v 1 numbers; setfattr -n user.b -v "a longer value than eight" numbers
        setfattr -n user.b -v "a longer value than eight" small
        cd ..; '\(Tool.autosquash)' pack tree -q --block-size 4K -o i.squash --ownership keep
        """,
      ], in: folder.root)
    image = try Image(ImageInput(path: Array(folder.path("i.squash").utf8)))
  }

  private func inode(_ path: String, _ image: Image) throws -> ImageInode {
    try image.lookup(Array(path.utf8), followsLast: false).get()
  }

  private func parts(_ file: ImageInode) throws -> [FileBlocks.Part] {
    var blocks = try image.blocks(of: file)
    var parts: [FileBlocks.Part] = []
    while let part = try blocks.next() { parts.append(part) }
    return parts
  }

  @Test(arguments: ["numbers", "sparse", "hole", "small", "empty"])
  func anyRangeHasTheSameParts(name: String) throws {
    let file = try inode(name, image)
    let all = try parts(file)
    let size = all.reduce(0) { $0 + UInt64($1.size) }
    var index = try BlockIndex(file, of: image)
    #expect(index.size == size)
    var generator = SeededGenerator(3)
    for _ in 0..<500 {
      let start = UInt64.random(in: 0...size, using: &generator)
      let range = start..<start + UInt64.random(in: 0...50_000, using: &generator)
      let wanted = range.clamped(to: 0..<size)
      var found: [UInt64: String] = [:]
      var position = wanted.lowerBound
      for part in try index.parts(range, in: image) {
        // No gap, no overlap, nothing outside.
        #expect(part.offset <= position)
        position = part.offset + UInt64(part.part.size)
        #expect(position > wanted.lowerBound)
        if case .hole = part.part { continue }
        found[part.offset] = "\(part.part)"
      }
      if wanted.isEmpty { continue }
      #expect(position >= wanted.upperBound)
      var expected: [UInt64: String] = [:]
      var offset: UInt64 = 0
      for part in all {
        let end = offset + UInt64(part.size)
        if case .hole = part {
        } else if end > wanted.lowerBound, offset < wanted.upperBound {
          expected[offset] = "\(part)"
        }
        offset = end
      }
      #expect(found == expected)
    }
  }

  @Test func holesAreFound() throws {
    var index = try BlockIndex(try inode("sparse", image), of: image)
    let data: UInt64 = 1_500_000 / 4096 * 4096
    #expect(try index.next(isHole: false, from: 0, in: image) == data)
    #expect(try index.next(isHole: true, from: data + 5, in: image) == data + 4096)
    #expect(try index.next(isHole: false, from: data + 4096, in: image) == nil)
    #expect(try index.next(isHole: true, from: 7, in: image) == 7)
    var small = try BlockIndex(try inode("small", image), of: image)
    #expect(try small.next(isHole: false, from: 2, in: image) == 2)
    #expect(try small.next(isHole: true, from: 2, in: image) == nil)
  }

  /// However long a file's list of blocks is, little is remembered of it.
  @Test func marksOfALargeFileAreBounded() throws {
    let places = [70, 300_000, 700_000, 786_000] as [UInt64]
    try Tool.check(
      [
        "sh", "-ec",
        "mkdir large; truncate -s 3G large/file; for i in $0; do printf x | "
          + "dd of=large/file bs=4096 seek=$i conv=notrunc status=none; done; "
          + "'\(Tool.autosquash)' pack large -q --block-size 4K -o l.squash",
        places.map { "\($0)" }.joined(separator: " "),
      ], in: folder.root)
    let image = try Image(ImageInput(path: Array(folder.path("l.squash").utf8)))
    var index = try BlockIndex(try inode("file", image), of: image)
    for (place, next) in zip([0] + places, places + [nil]) {
      let after = place == 0 ? 0 : (place + 1) * 4096
      #expect(try index.next(isHole: false, from: after, in: image) == next.map { $0 * 4096 })
    }
    for place in places + places.reversed() {
      let parts = try index.parts(place * 4096..<place * 4096 + 1, in: image)
      guard case .block(_, let size)? = parts.first?.part else {
        return #expect(Bool(false), "\(parts)")
      }
      #expect(parts.count == 1 && parts[0].offset == place * 4096 && size == 4096)
      #expect(index.markCount <= BlockIndex.mostMarks)
    }
    #expect(index.reach > 700_000)
  }

  @Test(arguments: [true, false]) func aListingGoesOnAnywhere(knowsPlace: Bool) throws {
    let directory = try inode("many", image)
    var entries = try image.entries(of: directory)
    var names: [[UInt8]] = []
    var places: [(DirectoryCursor.Position, MetadataReference?)] = [(.start, nil)]
    while let entry = try entries.next() {
      names.append(entry.name)
      places.append((entries.position, entries.positionReference))
    }
    #expect(names.count == 3000)
    for (number, (position, reference)) in places.enumerated() where number % 7 == 0 {
      var later = try image.entries(
        of: directory, from: position, reference: knowsPlace ? reference : nil)
      #expect(try later.next()?.name == (number < names.count ? names[number] : nil))
    }
    var end = try image.entries(
      of: directory, from: .init(header: .max, entries: 3), reference: nil)
    #expect(try end.next() == nil)
  }

  @Test func readersShareWhatTheyUnpack() throws {
    let cache = MetadataCache(byteCount: 4 << 20)
    let readers = try (0..<3).map { _ in try Image(image, sharing: cache) }
    for reader in readers {
      var walk = try TreeWalk(reader, from: try reader.root())
      var count = 0
      while try walk.next() != nil { count += 1 }
      #expect(count == 3006)
    }
    #expect(readers[0].work.metadataBlocks > 10)
    #expect(readers[1].work.metadataBlocks == 0)
    #expect(readers[2].work.metadataBlocks == 0)
  }

  @Test func aSmallCacheServesAll() throws {
    let cache = MetadataCache(byteCount: 1)
    let reader = try Image(image, sharing: cache)
    for _ in 0..<2 {
      for number in stride(from: 1, through: 3000, by: 97) {
        _ = try inode("many/a-rather-long-name-\(number)", reader)
      }
    }
  }

  /// A mount lives long: what it has looked at does not count against it.
  @Test func lookupsOfUsersDoNotAddUp() throws {
    let directory = try inode("many", image)
    image.lookups.most = 1000
    for number in 1...3000 {
      let name = Array("a-rather-long-name-\(number)".utf8)
      #expect(try image.entry(named: name, in: directory) != nil)
    }
    #expect(try image.entry(named: Array("b".utf8), in: directory) == nil)
  }

  @Test func attributesComeOneByOne() throws {
    for name in ["numbers", "small", "empty"] {
      let file = try inode(name, image)
      let all = try image.extendedAttributes(of: file)
      #expect(try image.xattrNames(of: file) == all.map(\.name))
      for attribute in all {
        #expect(try image.xattr(named: attribute.name, of: file) == attribute.value)
      }
      #expect(try image.xattr(named: Array("user.none".utf8), of: file) == nil)
    }
    let numbers = try inode("numbers", image)
    for _ in 0..<10_000 {
      #expect(try image.xattr(named: Array("user.a".utf8), of: numbers)?.count == 1)
    }
  }
}

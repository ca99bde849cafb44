import CZlib
import SquashFSFormat
import Testing

@testable import SquashFS

/// Looking for moved files in an old image by their size and first block.
@Suite struct OldSizesTests {
  private static let size = 1 << 20
  /// A zlib stream of a few bytes that unpacks to a block of this size.
  private static let bomb: [UInt8] = {
    let zeros = [UInt8](repeating: 0, count: size)
    var output = [UInt8](repeating: 0, count: 10_000)
    var count = uLong(output.count)
    compress2(&output, &count, zeros, uLong(zeros.count), 9)
    return Array(output[..<Int(count)])
  }()

  /// An image with files of one size; each has its first block at its own place.
  private func image(files: Int, copies: Int) throws -> Image {
    var image = CraftedImage(data: [])
    image.blockLog = 20
    image.compressor = .gzip
    let places = (0..<copies).map { _ in image.addBlock(Self.bomb) }
    for number in 0..<files {
      // Files with the same start would count as copies of one another.
      let place = places[number % copies] + UInt64(number / copies)
      _ = image.addFile(
        UInt32(number + 2), at: place, size: UInt64(Self.size),
        blocks: [UInt32(Self.bomb.count - number / copies)])
    }
    let root = image.addDirectory(1, [])
    return try Image(ImageInput(MemoryBytes(image.build(root: root))))
  }

  private static let hash = [UInt8](repeating: 0, count: size).withUnsafeBytes {
    BlockHash.hash($0)
  }

  @Test func aFileOfTheSameSizeAndFirstBlockIsFound() throws {
    var sizes = try OldSizes(image(files: 3, copies: 3))
    let size = UInt64(Self.size)
    #expect(sizes.file(size: size, hash: Self.hash, blocks: 0) != nil)
    #expect(sizes.file(size: size, hash: Self.hash ^ 1, blocks: 0) == nil)
    #expect(sizes.file(size: size + 1, hash: Self.hash, blocks: 0) == nil)
    #expect(sizes.unreadable == 0)
  }

  /// However many files an image claims to have, blocks are unpacked in proportion to those of the
  /// new one, and once for all that ask.
  @Test func theEffortIsBounded() throws {
    let image = try image(files: 5000, copies: 5)
    var sizes = try OldSizes(image)
    for _ in 0..<10 {
      _ = sizes.file(size: UInt64(Self.size), hash: 1, blocks: 7)
    }
    #expect(image.work.dataBlocks == 1007)
    #expect(sizes.unreadable > 900)
  }
}

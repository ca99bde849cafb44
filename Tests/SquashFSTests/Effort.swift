import Testing

@testable import SquashFS

/// The work of reading an image.
struct Effort {
  var work = ReadingWork()
  /// The bytes of paths and link targets returned.
  var pathBytes: UInt64 = 0
}

/// The most work that reading an image may take, depending on its contents.
///
/// The limits are at most a few times what the worst image takes: a test fails if something that
/// should happen once is done again for each name.
struct EffortLimits {
  /// The sizes of the image's file and of its metadata, unpacked.
  var file: UInt64
  var metadata: UInt64
  /// How often all metadata may be looked at.
  var passes: UInt64 = 4
  /// Blocks of files at different places.
  var dataBlocks: UInt64 = 0

  /// How many times the stored size of their table the lists of blocks and targets of links may
  /// have before it is looked into.
  static let passesOfShared: UInt64 = 10

  func check(_ effort: Effort, _ name: String) {
    let work = effort.work
    // For a small table, a few reads of single inodes are more than a pass.
    #expect(work.metadataBytes <= passes * metadata + 4096, "\(name)")
    // A damaged table can have many small blocks.
    #expect(work.metadataBlocks <= 2 * metadata / 8192 + 64, "\(name)")
    // The smallest thing read by its place is a row of 16 bytes.
    #expect(work.metadataVisits <= metadata / 4, "\(name)")
    // 64 MiB are free.
    #expect(work.attributeBytes <= 80 << 20 + 3 * metadata, "\(name)")
    #expect(work.dataBlocks <= dataBlocks, "\(name)")
    #expect(work.bytesRead <= 3 * file + 256 << 10, "\(name)")
    // For long paths 16 MiB are free, and 16 MiB more for those that links lead to.
    #expect(effort.pathBytes <= 40 << 20 + passes * metadata, "\(name)")
  }
}

extension CraftedImage {
  /// The limits for reading the image with these bytes.
  func limits(_ bytes: [UInt8]) -> EffortLimits {
    let tables = [inodes, listings, attributes, attributeSets, fragments]
    return EffortLimits(
      file: UInt64(bytes.count), metadata: UInt64(tables.reduce(0) { $0 + $1.bytes.count }))
  }
}

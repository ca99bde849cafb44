import Testing

@testable import SquashFS

/// What reading an image took.
struct Effort {
  var work = ReadingWork()
  /// Bytes of paths and targets of links that came out.
  var pathBytes: UInt64 = 0
}

/// The most that reading an image may take, by what the image has.
///
/// The figures are at most a few times what the worst of the images takes: a test fails where
/// something is done again for each name that was to be done once.
struct EffortLimits {
  /// The sizes of the image's file and of its metadata, unpacked.
  var file: UInt64
  var metadata: UInt64
  /// How often all metadata may be looked at.
  var passes: UInt64 = 4
  /// Blocks of files that lie in different places.
  var dataBlocks: UInt64 = 0

  /// Of lists of blocks, and of targets of links: so many times as large as their table as it is
  /// stored they may be without being looked into.
  static let passesOfShared: UInt64 = 10

  func check(_ effort: Effort, _ name: String) {
    let work = effort.work
    // Of a small table, a few looks at single inodes are more than a pass.
    #expect(work.metadataBytes <= passes * metadata + 4096, "\(name)")
    // A damaged table can have many small blocks.
    #expect(work.metadataBlocks <= 2 * metadata / 8192 + 64, "\(name)")
    // The smallest thing that is asked for by its place is a row of 16 bytes.
    #expect(work.metadataVisits <= metadata / 4, "\(name)")
    // 64 MiB are free.
    #expect(work.attributeBytes <= 80 << 20 + 3 * metadata, "\(name)")
    #expect(work.dataBlocks <= dataBlocks, "\(name)")
    #expect(work.bytesRead <= 3 * file + 256 << 10, "\(name)")
    // Of long paths 16 MiB are free, and 16 MiB more for those that links lead to.
    #expect(effort.pathBytes <= 40 << 20 + passes * metadata, "\(name)")
  }
}

extension CraftedImage {
  /// The limits of reading the image, of which these are the bytes.
  func limits(_ bytes: [UInt8]) -> EffortLimits {
    let tables = [inodes, listings, attributes, attributeSets, fragments]
    return EffortLimits(
      file: UInt64(bytes.count), metadata: UInt64(tables.reduce(0) { $0 + $1.bytes.count }))
  }
}

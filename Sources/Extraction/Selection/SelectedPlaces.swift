import SquashFS
import SquashFSFormat
import TreeModel

/// The places of all data of a selection, in the order of the tree.
struct SelectedPlaces {
  private(set) var ranges: [Range<UInt64>] = []
  private var known: Set<Range<UInt64>> = []

  /// More would take longer to collect than to do without.
  private static let mostRanges = 100_000
  /// Data that lies this close together comes in one request.
  private static let gap: UInt64 = 64 << 10

  /// Reads the metadata of the selection. Stops at damage, which its readers will report.
  init(_ image: Image, _ filter: PathFilter) {
    if filter.takes([]) {
      ranges = [0..<image.superblock.bytesUsed]
      return
    }
    guard var walk = try? SelectedWalk(image, filter) else { return }
    while ranges.count < Self.mostRanges, let node = try? walk.next() {
      guard node.inode.record.type == .file, let blocks = try? image.blocks(of: node.inode) else {
        continue
      }
      for place in blocks.places { add(place) }
    }
  }

  private mutating func add(_ place: Range<UInt64>) {
    // The data of files and their fragment blocks alternate.
    for index in ranges.indices.suffix(8).reversed() {
      let range = ranges[index]
      if range.lowerBound <= place.lowerBound, place.lowerBound <= range.upperBound + Self.gap {
        ranges[index] = range.lowerBound..<max(range.upperBound, place.upperBound)
        return
      }
    }
    if known.insert(place).inserted { ranges.append(place) }
  }
}

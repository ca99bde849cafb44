import SquashFSFormat
package import TreeModel

/// Counts of an image's contents.
package struct ImageSummary: Sendable {
  /// The number of inodes of each type, by its raw value.
  private var inodes = [Int](repeating: 0, count: 8)
  /// The total size of all regular files in bytes; a file with several names counts once.
  package var contentBytes: UInt64 = 0
  /// The number of those bytes in holes.
  package var holeBytes: UInt64 = 0
  /// Files that share their blocks or tail with another file, and their size in bytes.
  package var duplicateFiles = 0
  package var duplicateBytes: UInt64 = 0
  /// Data blocks that files refer to, and how many of these references lead to uncompressed
  /// blocks.
  package var blocks = 0
  package var plainBlocks = 0
  /// Files that end in a fragment block.
  package var tails = 0
  /// Other names for files, beyond the first.
  package var extraLinks: UInt64 = 0

  /// Where a file's contents lie.
  private struct Place {
    var start: UInt64
    var fragment: UInt32
    var offset: UInt32
    var size: UInt64

    var order: (UInt64, UInt32, UInt32) { (start, fragment, offset) }
  }

  /// The number of inodes of a type.
  package func count(of type: FileType) -> Int { inodes[Int(type.rawValue)] }

  /// Reads all inodes.
  package init(_ image: Image) throws(ImageReadError) {
    var scan = try InodeScan(image)
    var places: [Place] = []
    while let inode = try scan.next() {
      inodes[Int(inode.record.type.rawValue)] += 1
      if inode.record.type != .directory, inode.record.links > 1 {
        extraLinks += UInt64(inode.record.links - 1)
      }
      guard case .file(let file) = inode.record.body else { continue }
      contentBytes = contentBytes.addingReportingOverflow(file.size).partialValue
      guard file.size > 0 else { continue }
      if file.hasFragment { tails += 1 }
      var stored = 0
      var list = try image.blocks(of: inode)
      while let part = try list.next() {
        switch part {
        case .hole(let size): holeBytes += UInt64(size)
        case .block(let place, _):
          blocks += 1
          stored += 1
          if !place.stored.isCompressed { plainBlocks += 1 }
        case .tail: break
        }
      }
      guard stored > 0 || file.hasFragment else { continue }
      places.append(
        Place(
          start: stored > 0 ? file.blocksStart : 0, fragment: file.fragment,
          offset: file.hasFragment ? file.fragmentOffset : 0, size: file.size))
    }
    // A set would have to find its types at run time, which takes longer than a small image.
    places.sort { $0.order < $1.order }
    for (first, second) in zip(places, places.dropFirst()) where first.order == second.order {
      duplicateFiles += 1
      duplicateBytes = duplicateBytes.addingReportingOverflow(second.size).partialValue
    }
  }
}

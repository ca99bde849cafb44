import SquashFSFormat
import TreeModel

/// Predicts, without a network, what the kernel's reads of an image from a bucket cost: each action
/// starts cold and includes the mount.
///
/// This program's reader stands in for the kernel's; the kernel's read-ahead is not counted, since
/// s3fs's own is larger.
package final class CostMeter {
  private let image: Image
  private let model: BucketModel
  private var reads: BucketReads

  package init(_ image: Image, _ model: BucketModel) {
    self.image = image
    self.model = model
    reads = BucketReads(model, length: 0)
    for table in tables { table.onUse = { [unowned self] in reads.read($0) } }
  }

  deinit { for table in tables { table.onUse = nil } }

  private var tables: [MetadataTable] {
    [image.inodes, image.directories, image.idTable.blocks]
      + [image.fragmentTable?.blocks].compactMap { $0 }
  }

  /// The mount alone.
  package func mount() throws(ImageReadError) -> AccessCost {
    try begin()
    return reads.cost
  }

  /// Lists a directory with the metadata of all entries.
  ///
  /// - Parameter isDeep: whether to list everything below too.
  /// - Returns: `nil` if the path is not a directory's.
  package func list(
    _ path: [UInt8], isDeep: Bool = false
  ) throws(ImageReadError) -> AccessCost? {
    try begin()
    guard let directory = try find(path), directory.record.type == .directory else { return nil }
    var walk = try TreeWalk(image, from: directory)
    while let node = try walk.next() {
      try use(node.inode)
      if !isDeep { walk.skipChildren() }
    }
    return reads.cost
  }

  /// Finds files by their paths and reads each to its end, one after the other.
  ///
  /// - Returns: the cost, and the number of paths that do not name a regular file.
  package func read(_ paths: [[UInt8]]) throws(ImageReadError) -> (AccessCost, missing: Int) {
    try begin()
    var missing = 0
    for path in paths {
      guard let inode = try find(path), inode.record.type == .file else {
        missing += 1
        continue
      }
      try use(inode)
      var blocks = try image.blocks(of: inode)
      while let part = try blocks.next() {
        switch part {
        case .block(let place, _): read(place)
        case .tail(let fragment, _, _): read(try image.fragment(fragment))
        case .hole: break
        }
      }
    }
    return (reads.cost, missing)
  }

  private func find(_ path: [UInt8]) throws(ImageReadError) -> ImageInode? {
    guard case .success(let inode) = try image.lookup(path, followsLast: true) else { return nil }
    return inode
  }

  /// Reads what a mount reads, in the kernel's order: the tables from last to first.
  private func begin() throws(ImageReadError) {
    let superblock = image.superblock
    reads = BucketReads(model, length: image.input.length)
    reads.read(0..<UInt64(Superblock.byteCount))
    if let xattrs = image.xattrs {
      read(xattrs.header, XattrTableReader.headerSize)
      read(xattrs.rows.list, xattrs.rows.listSize)
    }
    read(superblock.idTable, image.idTable.listSize)
    if let table = image.exportTable { read(table.list, table.listSize) }
    if let table = image.fragmentTable { read(table.list, table.listSize) }
    _ = try image.root()
    _ = try image.idTable.block(0)
  }

  /// The kernel looks up a file's fragment together with its inode.
  private func use(_ inode: ImageInode) throws(ImageReadError) {
    if case .file(let file) = inode.record.body, file.hasFragment {
      _ = try image.fragment(file.fragment)
    }
  }

  private func read(_ start: UInt64, _ count: UInt64) {
    let (end, overflow) = start.addingReportingOverflow(count)
    if !overflow { reads.read(start..<end) }
  }

  private func read(_ place: BlockPlace) { read(place.start, UInt64(place.stored.byteCount)) }
}

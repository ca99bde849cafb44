import SquashFS
import SquashFSFormat
import TreeModel

/// The members of a tar archive in order, made from the selected part of an image.
final class TarItems {
  /// A member before its content is read.
  struct Item {
    var entry: TreeEntry
    var size: UInt64
    /// The ranges of a sparse file outside its holes; `nil` for other files.
    var data: [Range<UInt64>]?
  }

  private var walk: SelectedWalk
  private var isTopDone: Bool
  /// The first names of files with several, by inode.
  private var links: [UInt64: [UInt8]] = [:]
  /// The number of sockets, which tar cannot store.
  private(set) var sockets = 0
  /// The most ranges to list; the rest of the file is written as data.
  private static let mostRanges = 1 << 16

  init(_ image: Image, _ filter: PathFilter) throws {
    walk = try SelectedWalk(image, filter)
    isTopDone = !walk.takesTop
  }

  /// The selection, and what has been found of it.
  var filter: PathFilter { walk.filter }

  /// The next member, with the inode of its content; `nil` at the end.
  func next(of image: Image) throws -> (Item, ImageInode?)? {
    if !isTopDone {
      isTopDone = true
      return (Item(entry: try image.entry(of: image.root(), path: Array("./".utf8)), size: 0), nil)
    }
    while let node = try walk.next() {
      if node.inode.record.type != .socket { return try item(node, image) }
      sockets += 1
    }
    return nil
  }

  private func item(_ node: TreeWalk.Node, _ image: Image) throws -> (Item, ImageInode?) {
    // With "./" in front, a name cannot pass for an option, nor for a single top directory.
    let path = Array("./".utf8) + node.path
    var entry = try image.entry(of: node.inode, path: path)
    if let first = firstName(of: node, path) {
      entry.kind = .hardLink(target: first, hasContent: false)
      return (Item(entry: entry, size: 0), nil)
    }
    guard case .file(let file) = node.inode.record.body else {
      return (Item(entry: entry, size: 0), nil)
    }
    let data = file.sparse > 0 ? try Self.dataRanges(of: node.inode, image) : nil
    return (Item(entry: entry, size: file.size, data: data), node.inode)
  }

  /// The first name of the same file, if this is another one.
  private func firstName(of node: TreeWalk.Node, _ path: [UInt8]) -> [UInt8]? {
    guard node.inode.record.type != .directory, node.inode.record.links > 1 else { return nil }
    if let first = links[node.inode.reference.rawValue] { return first }
    links[node.inode.reference.rawValue] = path
    return nil
  }

  private static func dataRanges(of inode: ImageInode, _ image: Image) throws -> [Range<UInt64>] {
    var ranges: [Range<UInt64>] = []
    var blocks = try image.blocks(of: inode)
    while true {
      let start = blocks.offset
      guard let part = try blocks.next() else { return ranges }
      if case .hole = part { continue }
      if let last = ranges.last, last.upperBound == start {
        ranges[ranges.count - 1] = last.lowerBound..<blocks.offset
      } else if ranges.count == Self.mostRanges {
        guard case .file(let file) = inode.record.body else { return ranges }
        return ranges + [start..<file.size]
      } else {
        ranges.append(start..<blocks.offset)
      }
    }
  }
}

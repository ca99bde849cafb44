import SquashFS
import SquashFSFormat

/// What names are sorted by, where it is not the names.
package enum ListKey: String, CaseIterable, Sendable {
  case time
  case size
}

/// Another order than that of an image, by name.
package struct ListOrder: Sendable {
  /// `nil` for the name.
  let key: ListKey?
  let isReversed: Bool

  /// So many names are sorted; more would take memory without end.
  static let most = 200_000

  /// - Returns: `nil` where names stay as they come.
  package init?(key: ListKey?, isReversed: Bool) {
    guard key != nil || isReversed else { return nil }
    self.key = key
    self.isReversed = isReversed
  }

  /// Sorts what comes by name, as ls(1) does.
  func sorted<Item>(_ items: [Item], inode: (Item) -> ImageInode?) -> [Item] {
    let keys = items.map { item in inode(item).map(value) ?? 0 }
    // Where both are equal, the name counts.
    let order = items.indices.sorted { (keys[$1], $0) < (keys[$0], $1) }
    return (isReversed ? order.reversed() : order).map { items[$0] }
  }

  private func value(of inode: ImageInode) -> UInt64 {
    switch key {
    case .time: UInt64(inode.record.modified)
    case .size: Listing.size(of: inode)
    case nil: 0
    }
  }
}

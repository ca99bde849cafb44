import SquashFS
import SquashFSFormat

/// Sort keys other than the name.
package enum ListKey: String, CaseIterable, Sendable {
  case time
  case size
}

/// An order other than an image's own, which is by name.
package struct ListOrder: Sendable {
  /// `nil` to sort by name.
  let key: ListKey?
  let isReversed: Bool

  /// The most names to sort; more would take unbounded memory.
  static let most = 200_000

  /// - Returns: `nil` if names keep their order.
  package init?(key: ListKey?, isReversed: Bool) {
    guard key != nil || isReversed else { return nil }
    self.key = key
    self.isReversed = isReversed
  }

  /// Sorts items that come in order of name, as ls(1) does.
  func sorted<Item>(_ items: [Item], inode: (Item) -> ImageInode?) -> [Item] {
    let keys = items.map { item in inode(item).map(value) ?? 0 }
    // Between equals, the name decides.
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

import Posix
import SquashFSFormat
import TreeModel

/// Compares directory entries with the inode table, for the inodes in a window.
struct EntryComparison {
  private let image: Image
  private let list: FindingList
  private let window: InodeWindow

  /// - Parameter window: has all inodes of its range.
  init(_ image: Image, _ list: FindingList, _ window: InodeWindow) {
    self.image = image
    self.list = list
    self.window = window
  }

  /// Whether the inode table lacks an inode with a number in the window.
  func lacks(_ number: UInt32) -> Bool { window.numbers.contains(number) && window[number] == nil }

  /// What is wrong with an entry, if its inode's number is in the window.
  ///
  /// - Parameter parent: the number of the entry's directory.
  func problem(
    with entry: DirectoryCursor.RawEntry, _ type: FileType, number: UInt32, parent: UInt32
  ) -> String? {
    guard window.numbers.contains(number) else { return nil }
    guard let row = window[number] else {
      return "leads to inode \(number), which is not in the inode table"
    }
    if row.reference != entry.inode { return "leads to a place without inode \(number)" }
    if row.type != type {
      return "is a \(type) in its directory, and a \(row.type) in the inode table"
    }
    if type == .directory && row.parent != parent {
      return "says that its parent is inode \(row.parent), but it is \(parent)"
    }
    return nil
  }

  /// Call it after counting all entries: finds inodes without names, and wrong numbers of names.
  func checkCounts() {
    for number in window.numbers {
      guard let row = window[number] else { continue }
      let offset = image.inodes.fileOffset(row.reference.blockStart)
      if row.found == 0 {
        list.add(
          Finding(
            .error, .orphan, offset: offset, "no name leads to inode \(number), a \(row.type)"))
      } else if row.type != .directory && row.found != row.links {
        list.add(
          Finding(
            .error, .links, offset: offset,
            "the inode says it has \(row.links.counted("name")), but it has \(row.found.grouped)"
          ),
          about: .inode(number))
      }
    }
  }
}

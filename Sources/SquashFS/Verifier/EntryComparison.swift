internal import Posix
internal import SquashFSFormat
internal import TreeModel

/// Compares what directory entries say of the inodes in a window with what the inode table says.
struct EntryComparison {
  private let image: Image
  private let list: FindingList
  private let window: InodeWindow

  /// - Parameter window: with all inodes of its range.
  init(_ image: Image, _ list: FindingList, _ window: InodeWindow) {
    self.image = image
    self.list = list
    self.window = window
  }

  /// Whether the inode table has no inode of a number in the window.
  func lacks(_ number: UInt32) -> Bool { window.numbers.contains(number) && window[number] == nil }

  /// What is wrong with an entry, as far as its inode's number is in the window.
  ///
  /// - Parameter parent: the number of the entry's directory.
  func problem(
    with entry: DirectoryCursor.RawEntry, _ type: FileType, number: UInt32, parent: UInt32
  ) -> String? {
    guard window.numbers.contains(number) else { return nil }
    guard let row = window[number] else {
      return "leads to inode \(number), which is not in the inode table"
    }
    if row.reference != entry.inode { return "leads to a place where inode \(number) is not" }
    if row.type != type {
      return "is a \(type) in its directory, and a \(row.type) in the inode table"
    }
    if type == .directory && row.parent != parent {
      return "says that its parent is inode \(row.parent), it is \(parent)"
    }
    return nil
  }

  /// After all entries were counted: what no name leads to, and how many names lead to the rest.
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
            "the inode says that it has \(row.links.counted("name")), in fact it has \(row.found.grouped)"
          ),
          about: .inode(number))
      }
    }
  }
}

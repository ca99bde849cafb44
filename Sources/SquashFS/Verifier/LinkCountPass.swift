import SquashFSFormat
import TreeModel

/// A further pass over an image that `InodeCheck` and `DirectoryCheck` have found readable, for a
/// window that they had no room for: it only counts the names of its inodes, and compares each
/// entry with its inode.
struct LinkCountPass {
  private let image: Image
  private let list: FindingList
  private let window: InodeWindow

  init(_ image: Image, _ list: FindingList, _ window: InodeWindow) {
    self.image = image
    self.list = list
    self.window = window
  }

  /// - Returns: whether everything could be read again.
  func run() -> Bool {
    do throws(ImageReadError) {
      var scan = try InodeScan(image)
      while let inode = try scan.next() { window.note(inode) }
      try countNames()
      return true
    } catch {
      return false
    }
  }

  private func countNames() throws(ImageReadError) {
    let comparison = EntryComparison(image, list, window)
    var walk = DirectoryWalk<Void>(image)
    func enter(_ inode: ImageInode) throws(ImageReadError) {
      // The first pass has reported what must not be entered.
      guard inode.record.type == .directory, walk.admit(inode) == nil else { return }
      walk.enter(inode, try image.entries(of: inode), ())
    }
    let root = try image.root()
    window.count(root.record.number)
    try enter(root)
    while let level = walk.stack.last {
      guard let entry = try walk.next() else {
        walk.leave()
        continue
      }
      walk.append(entry.name)
      guard let type = FileType(rawValue: entry.type),
        let number = entry.inodeNumber(upTo: image.superblock.inodeCount)
      else { continue }
      window.count(number)
      let parent = level.inode.record.number
      if let problem = comparison.problem(with: entry, type, number: number, parent: parent) {
        let offset = walk.stack.last?.cursor.fileOffset
        list.add(Finding(.error, .directory, offset: offset, path: walk.path, problem))
      }
      if type == .directory { try enter(image.inode(at: entry.inode)) }
    }
    comparison.checkCounts()
  }
}

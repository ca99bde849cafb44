internal import Posix
internal import SquashFSFormat

/// Walks through the tree, and compares every directory entry with the inode it leads to.
final class DirectoryCheck {
  private let image: Image
  private let list: FindingList
  private let window: InodeWindow
  private let isFirst: Bool
  private var visited: InodeSet
  private var isWhole = true
  private var listings: ListingBudget

  private struct Level {
    var inode: ImageInode
    var cursor: DirectoryCursor
    var pathCount: Int
    var lastName: [UInt8] = []
    var entries: UInt64 = 0
    var subdirectories: UInt64 = 0
    /// What is left of the directory's index: the cursor, the number of entries, the next one.
    var index: MetadataReference?
    var indexLeft = 0
    var nextIndex: (record: DirectoryIndexRecord, name: [UInt8])?
  }

  private var stack: [Level] = []
  private var path: [UInt8] = []

  /// - Parameter isFirst: whether directories themselves are checked, or only the window.
  init(_ image: Image, _ list: FindingList, _ window: InodeWindow, isFirst: Bool) {
    self.image = image
    self.list = list
    self.window = window
    self.isFirst = isFirst
    visited = InodeSet(upTo: image.superblock.inodeCount)
    listings = ListingBudget(image)
  }

  /// - Parameter isScanWhole: whether the window has all inodes of its range.
  /// - Returns: whether all directories could be read.
  func run(isScanWhole: Bool) -> Bool {
    do throws(ImageReadError) {
      let root = try image.root()
      checkParent(ofRoot: root)
      window.count(root.record.number)
      enter(root)
    } catch {
      if isFirst { list.add(error, .directory, path: []) }
      return false
    }
    while let level = stack.last {
      path.removeSubrange(level.pathCount...)
      do throws(ImageReadError) {
        if let entry = try stack[stack.count - 1].cursor.nextRaw() {
          do throws(ImageReadError) { try listings.take(stack[stack.count - 1].cursor) } catch {
            if isFirst { list.add(error, .directory, path: path) }
            return false  // what comes would be no better
          }
          visit(entry, isScanWhole: isScanWhole)
        } else {
          leave()
        }
      } catch {
        isWhole = false
        if isFirst { list.add(error, .directory, path: path) }
        stack.removeLast()
      }
    }
    if isScanWhole && isWhole { checkCounts() }
    return isWhole
  }

  private func report(
    _ kind: Finding.Kind, _ message: String, severity: Finding.Severity = .error
  ) {
    guard isFirst else { return }
    list.add(
      Finding(severity, kind, offset: stack.last?.cursor.fileOffset, path: path, message))
  }

  private func enter(_ inode: ImageInode) {
    guard case .directory(let directory) = inode.record.body else { return }
    guard visited.insert(inode.record.number) else {
      report(.cycle, "this directory is in the tree twice, or in itself")
      return
    }
    guard stack.count < TreeWalk.mostLevels else {
      report(.directory, "directories are nested more than \(TreeWalk.mostLevels) deep")
      isWhole = false
      return
    }
    do throws(ImageReadError) {
      var level = Level(
        inode: inode, cursor: try image.entries(of: inode), pathCount: path.count)
      if isFirst && directory.indexCount > directory.mostIndexEntries {
        list.add(
          Finding(
            .error, .directoryIndex, offset: image.fileOffset(of: inode), path: path,
            "an index of \(directory.indexCount) entries for a listing of "
              + "\(directory.listingSize) bytes"))
      } else if isFirst && directory.indexCount > 0 {
        level.index = inode.tail
        level.indexLeft = directory.indexCount
        try nextIndexEntry(of: &level)
      }
      if !stack.isEmpty { stack[stack.count - 1].cursor.suspend() }
      stack.append(level)
    } catch {
      isWhole = false
      if isFirst { list.add(error, .directory, path: path) }
    }
  }

  private func nextIndexEntry(of level: inout Level) throws(ImageReadError) {
    level.nextIndex = nil
    guard level.indexLeft > 0, let place = level.index else { return }
    level.indexLeft -= 1
    var cursor = try MetadataCursor(image.inodes, at: place)
    level.nextIndex = try image.indexEntry(next: &cursor)
    level.index = cursor.reference
  }

  // MARK: Entries

  private func visit(_ entry: DirectoryCursor.RawEntry, isScanWhole: Bool) {
    let top = stack.count - 1
    let parent = stack[top].inode.record.number
    stack[top].entries += 1
    if entry.followsHeader && isFirst { checkIndex(entry.name) }
    if !path.isEmpty { path.append(pathSeparator) }
    path.append(contentsOf: entry.name)
    if isFirst {
      checkName(entry.name, after: stack[top].lastName, isFirst: stack[top].entries == 1)
    }
    stack[top].lastName = entry.name

    guard let type = InodeType(rawValue: entry.type) else {
      report(.directory, "a directory entry of type \(entry.type), which is none")
      return
    }
    guard let number = UInt32(exactly: entry.number), number > 0,
      number <= image.superblock.inodeCount
    else {
      report(.directory, "inode number \(entry.number) is not in the image")
      return
    }
    window.count(number)
    if type == .directory { stack[top].subdirectories += 1 }
    if isScanWhole, window.numbers.contains(number) {
      guard let row = window[number] else {
        list.add(
          Finding(
            .error, .directory, offset: stack[top].cursor.fileOffset, path: path,
            "leads to inode \(number), which is not in the inode table"))
        return
      }
      compare(entry, type, with: row, parent: parent)
    }
    guard type == .directory else {
      if !isScanWhole && isFirst { checkReadable(entry) }
      return
    }
    do throws(ImageReadError) {
      let inode = try image.inode(at: entry.inode)
      if inode.record.type == .directory { enter(inode) }
    } catch {
      isWhole = false
      if isFirst { list.add(error, .inode, path: path) }
    }
  }

  /// Without a whole inode table, an entry's inode is looked at by itself.
  private func checkReadable(_ entry: DirectoryCursor.RawEntry) {
    do throws(ImageReadError) {
      _ = try image.inode(at: entry.inode)
    } catch {
      list.add(error, .inode, path: path)
    }
  }

  private func compare(
    _ entry: DirectoryCursor.RawEntry, _ type: InodeType, with row: InodeWindow.Row,
    parent: UInt32
  ) {
    func wrong(_ message: String) {
      list.add(
        Finding(
          .error, .directory, offset: stack.last?.cursor.fileOffset, path: path, message))
    }
    if row.reference != entry.inode {
      wrong("leads to a place where inode \(row.number) is not")
    } else if row.type != type {
      wrong("is a \(type) in its directory, and a \(row.type) in the inode table")
    } else if type == .directory && row.parent != parent {
      wrong("says that its parent is inode \(row.parent), it is \(parent)")
    }
  }

  private func checkName(_ name: [UInt8], after last: [UInt8], isFirst: Bool) {
    if !DirectoryCursor.isName(name) {
      report(.name, "a name with a slash or a NUL byte, or \".\" or \"..\": it could lead astray")
    } else if name.count > 255 {
      report(.name, "a name of \(name.count) bytes: Linux opens none of more than 255")
    }
    if isFirst { return }
    if name == last {
      report(.name, "the name is in its directory twice")
    } else if name.lexicographicallyPrecedes(last) {
      report(.name, "the names are not sorted: Linux will not find some of them")
    }
  }

  // MARK: Directories

  /// The index has some of the headers, in their order.
  private func checkIndex(_ firstName: [UInt8]) {
    let top = stack.count - 1
    let offset = stack[top].cursor.headerOffset
    while let (record, name) = stack[top].nextIndex, Int(record.offset) <= offset {
      if Int(record.offset) < offset {
        report(.directoryIndex, "the index of the directory leads to a place between its headers")
      } else if UInt64(record.blockStart) != stack[top].cursor.headerReference.blockStart {
        report(.directoryIndex, "the index of the directory leads to another block")
      } else if name != firstName {
        report(
          .directoryIndex,
          "the index of the directory has \"\(name.escapedName)\" for \"\(firstName.escapedName)\"")
      }
      do throws(ImageReadError) {
        try nextIndexEntry(of: &stack[top])
      } catch {
        list.add(error, .directoryIndex, path: path)
      }
    }
  }

  private func leave() {
    let level = stack[stack.count - 1]
    if isFirst, level.nextIndex != nil {
      report(.directoryIndex, "the index of the directory goes on beyond its end")
    }
    let links = UInt64(level.inode.record.links)
    // Writers count the subdirectories, as file systems do, or all entries.
    if links != level.subdirectories + 2 && links != level.entries + 2 {
      report(
        .links, "a directory's link count of \(links), with \(level.subdirectories) subdirectories",
        severity: .warning)
    }
    stack.removeLast()
  }

  /// The number that nobody has, or none; some writers take the root's own.
  private func checkParent(ofRoot root: ImageInode) {
    guard isFirst, case .directory(let directory) = root.record.body else { return }
    let count = image.superblock.inodeCount
    if directory.parent != 0 && directory.parent <= count
      && directory.parent != root.record.number
    {
      report(
        .directory, "the root directory says that its parent is inode \(directory.parent)")
    }
  }

  /// After the walk: what no name leads to, and how many names lead to the rest.
  private func checkCounts() {
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

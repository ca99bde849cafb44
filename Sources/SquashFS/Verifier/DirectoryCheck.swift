import Posix
import SquashFSFormat
import TreeModel

/// Walks the tree and compares every directory entry with its inode.
final class DirectoryCheck {
  private let image: Image
  private let list: FindingList
  private let window: InodeWindow
  /// `nil` if the inode table could not be read to its end: an inode missing from the window may
  /// exist anyway.
  private let comparison: EntryComparison?
  private var walk: DirectoryWalk<Notes>
  private var isWhole = true

  private struct Notes {
    var lastName: [UInt8]?
    var entries: UInt64 = 0
    var subdirectories: UInt64 = 0
    /// The rest of the directory's index: the cursor, the number of entries, the next one.
    var index: MetadataReference?
    var indexLeft = 0
    var nextIndex: (record: DirectoryIndexRecord, name: [UInt8])?
  }

  /// - Parameter isScanWhole: whether the window has all inodes of its range.
  init(_ image: Image, _ list: FindingList, _ window: InodeWindow, isScanWhole: Bool) {
    self.image = image
    self.list = list
    self.window = window
    comparison = isScanWhole ? EntryComparison(image, list, window) : nil
    walk = DirectoryWalk(image)
  }

  /// - Returns: whether all directories were readable.
  func run() -> Bool {
    do throws(ImageReadError) {
      let root = try image.root()
      checkParent(ofRoot: root)
      window.count(root.record.number)
      enter(root)
    } catch {
      list.add(error, .directory, path: [])
      return false
    }
    while !walk.stack.isEmpty {
      do throws(ImageReadError) {
        if let entry = try walk.next() { visit(entry) } else { leave() }
      } catch {
        isWhole = false
        list.add(error, .directory, path: walk.path)
      }
    }
    if isWhole { comparison?.checkCounts() }
    return isWhole
  }

  private func report(
    _ kind: Finding.Kind, _ message: String, severity: Finding.Severity = .error
  ) {
    list.add(
      Finding(
        severity, kind, offset: walk.stack.last?.cursor.fileOffset, path: walk.path, message))
  }

  private func enter(_ inode: ImageInode) {
    guard case .directory(let directory) = inode.record.body else { return }
    switch walk.admit(inode) {
    case .isVisited:
      return report(.cycle, "this directory is in the tree twice, or contains itself")
    case .isTooDeep:
      isWhole = false
      return report(.directory, "directories are nested more than \(LinuxLimits.mostLevels) deep")
    case nil: break
    }
    do throws(ImageReadError) {
      let cursor = try image.entries(of: inode)
      let notes = try notes(for: inode, directory)
      walk.enter(inode, cursor, notes)
    } catch {
      isWhole = false
      list.add(error, .directory, path: walk.path)
    }
  }

  private func notes(
    for inode: ImageInode, _ directory: InodeRecord.Directory
  ) throws(ImageReadError) -> Notes {
    var notes = Notes()
    if directory.indexCount > directory.mostIndexEntries {
      list.add(
        Finding(
          .error, .directoryIndex, offset: image.fileOffset(of: inode), path: walk.path,
          "an index of \(directory.indexCount) entries for a listing of "
            + "\(directory.listingSize) bytes"))
    } else if directory.indexCount > 0 {
      notes.index = inode.tail
      notes.indexLeft = directory.indexCount
      try nextIndexEntry(of: &notes)
    }
    return notes
  }

  private func nextIndexEntry(of notes: inout Notes) throws(ImageReadError) {
    notes.nextIndex = nil
    guard notes.indexLeft > 0, let place = notes.index else { return }
    notes.indexLeft -= 1
    var cursor = try MetadataCursor(image.inodes, at: place)
    notes.nextIndex = try image.indexEntry(next: &cursor)
    notes.index = cursor.reference
  }

  // MARK: Entries

  private func visit(_ entry: DirectoryCursor.RawEntry) {
    let top = walk.stack.count - 1
    walk.stack[top].notes.entries += 1
    if entry.followsHeader { checkIndex(entry.name) }
    walk.append(entry.name)
    checkName(entry.name, after: walk.stack[top].notes.lastName)
    walk.stack[top].notes.lastName = entry.name

    guard let type = FileType(rawValue: entry.type) else {
      report(.directory, "a directory entry of unknown type \(entry.type)")
      return
    }
    guard let number = entry.inodeNumber(upTo: image.superblock.inodeCount) else {
      report(.directory, "inode number \(entry.number) is not in the image")
      return
    }
    window.count(number)
    if type == .directory { walk.stack[top].notes.subdirectories += 1 }
    let parent = walk.stack[top].inode.record.number
    if let problem = comparison?.problem(with: entry, type, number: number, parent: parent) {
      report(.directory, problem)
    }
    if comparison?.lacks(number) == true { return }
    guard type == .directory else {
      if comparison == nil { checkReadable(entry) }
      return
    }
    do throws(ImageReadError) {
      let inode = try image.inode(at: entry.inode)
      if inode.record.type == .directory { enter(inode) }
    } catch {
      isWhole = false
      list.add(error, .inode, path: walk.path)
    }
  }

  /// Without a complete inode table, checks an entry's inode by itself.
  private func checkReadable(_ entry: DirectoryCursor.RawEntry) {
    do throws(ImageReadError) {
      _ = try image.inode(at: entry.inode)
    } catch {
      list.add(error, .inode, path: walk.path)
    }
  }

  /// - Parameter last: the previous name in its directory.
  private func checkName(_ name: [UInt8], after last: [UInt8]?) {
    if !DirectoryCursor.isName(name) {
      report(.name, "an unsafe name: \".\", \"..\", or one with a slash or a NUL byte")
    } else if name.count > LinuxLimits.longestName {
      report(
        .name,
        "a name of \(name.count) bytes: Linux opens names of at most \(LinuxLimits.longestName)")
    }
    guard let last else { return }
    if name == last {
      report(.name, "the name is in its directory twice")
    } else if name.lexicographicallyPrecedes(last) {
      report(.name, "the names are not sorted: Linux will not find some of them")
    }
  }

  // MARK: Directories

  /// Checks the index, which has some of the headers, in order.
  private func checkIndex(_ firstName: [UInt8]) {
    let top = walk.stack.count - 1
    let cursor = walk.stack[top].cursor
    let offset = cursor.headerOffset
    while let (record, name) = walk.stack[top].notes.nextIndex, Int(record.offset) <= offset {
      if Int(record.offset) < offset {
        report(.directoryIndex, "the index of the directory leads to a place between its headers")
      } else if UInt64(record.blockStart) != cursor.headerReference.blockStart {
        report(.directoryIndex, "the index of the directory leads to another block")
      } else if name != firstName {
        report(
          .directoryIndex,
          "the index of the directory has \"\(name.escapedName)\" for \"\(firstName.escapedName)\"")
      }
      do throws(ImageReadError) {
        try nextIndexEntry(of: &walk.stack[top].notes)
      } catch {
        list.add(error, .directoryIndex, path: walk.path)
      }
    }
  }

  private func leave() {
    let level = walk.stack[walk.stack.count - 1]
    let notes = level.notes
    if notes.nextIndex != nil {
      report(.directoryIndex, "the index of the directory goes on past its end")
    }
    let links = UInt64(level.inode.record.links)
    // Writers count the subdirectories, as file systems do, or all entries.
    if links != notes.subdirectories + 2 && links != notes.entries + 2 {
      report(
        .links, "a directory's link count of \(links), with \(notes.subdirectories) subdirectories",
        severity: .warning)
    }
    walk.leave()
  }

  /// Checks the parent: a number no inode has, or none; some writers use the root's own.
  private func checkParent(ofRoot root: ImageInode) {
    guard case .directory(let directory) = root.record.body else { return }
    let count = image.superblock.inodeCount
    if directory.parent != 0 && directory.parent <= count
      && directory.parent != root.record.number
    {
      report(
        .directory, "the root directory says that its parent is inode \(directory.parent)")
    }
  }
}

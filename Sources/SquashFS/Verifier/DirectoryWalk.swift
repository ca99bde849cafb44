internal import Posix
internal import SquashFSFormat

/// Goes through the directories of an image, each once, and gives their entries as they are stored.
///
/// Unlike `TreeWalk` it passes over nothing that makes no sense: that is for a check to judge.
struct DirectoryWalk<Notes> {
  struct Level {
    let inode: ImageInode
    var cursor: DirectoryCursor
    /// What a check keeps for a directory while it is in it.
    var notes: Notes
    fileprivate let pathCount: Int
  }

  /// Why a directory is not to be entered.
  enum Refusal {
    case isVisited
    case isTooDeep
  }

  private let image: Image
  private var visited: InodeSet
  private var listings: ListingBudget
  /// The directories that were entered and not left, the root first.
  var stack: [Level] = []
  /// The path of the latest entry, or of the directory before its first one.
  private(set) var path: [UInt8] = []

  init(_ image: Image) {
    self.image = image
    visited = InodeSet(upTo: image.superblock.inodeCount)
    listings = ListingBudget(image)
  }

  /// Decides whether a directory, the one of the latest entry, may be entered; it may once.
  ///
  /// - Returns: `nil` where it may.
  mutating func admit(_ inode: ImageInode) -> Refusal? {
    guard visited.insert(inode.record.number) else { return .isVisited }
    return stack.count < LinuxLimits.mostLevels ? nil : .isTooDeep
  }

  /// Goes on with the entries of a directory that was admitted.
  mutating func enter(_ inode: ImageInode, _ cursor: DirectoryCursor, _ notes: Notes) {
    if !stack.isEmpty { stack[stack.count - 1].cursor.suspend() }
    stack.append(Level(inode: inode, cursor: cursor, notes: notes, pathCount: path.count))
  }

  /// The next entry of the directory that was entered last, `nil` after its last one. The path is
  /// that of the directory, until `append` is called.
  ///
  /// - Throws: `ImageReadError` where the directory cannot be read further; it has been left then.
  @inline(__always)
  mutating func next() throws(ImageReadError) -> DirectoryCursor.RawEntry? {
    let top = stack.count - 1
    path.removeSubrange(stack[top].pathCount...)
    let entry: DirectoryCursor.RawEntry?
    do throws(ImageReadError) { entry = try stack[top].cursor.nextRaw() } catch {
      stack.removeLast()
      throw error
    }
    guard let entry else { return nil }
    do throws(ImageReadError) { try listings.take(stack[top].cursor) } catch {
      stack.removeAll()  // what comes would be no better
      throw error
    }
    return entry
  }

  /// Appends the latest entry's name to the path.
  mutating func append(_ name: [UInt8]) {
    if !path.isEmpty { path.append(UInt8(ascii: "/")) }
    path.append(contentsOf: name)
  }

  mutating func leave() { stack.removeLast() }
}

extension DirectoryCursor.RawEntry {
  /// The number of its inode, `nil` where an image with so many inodes has none of that number.
  func inodeNumber(upTo count: UInt32) -> UInt32? {
    guard let number = UInt32(exactly: number), number > 0, number <= count else { return nil }
    return number
  }
}

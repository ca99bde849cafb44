import Posix
import SquashFSFormat

/// Visits each directory of an image once, and returns its entries as stored.
///
/// Unlike `TreeWalk` it skips nothing invalid: that is for a check to judge.
struct DirectoryWalk<Notes> {
  struct Level {
    let inode: ImageInode
    var cursor: DirectoryCursor
    /// A check's own data for a directory during the visit.
    var notes: Notes
    fileprivate let pathCount: Int
  }

  /// Why a directory must not be entered.
  enum Refusal {
    case isVisited
    case isTooDeep
  }

  private let image: Image
  private var visited: InodeSet
  private var listings: ListingBudget
  /// The directories being visited, the root first.
  var stack: [Level] = []
  /// The path of the latest entry, or of the directory before its first one.
  private(set) var path: [UInt8] = []

  init(_ image: Image) {
    self.image = image
    visited = InodeSet(upTo: image.superblock.inodeCount)
    listings = ListingBudget(image)
  }

  /// Decides whether the latest entry's directory may be entered, which is allowed once.
  ///
  /// - Returns: `nil` if it may.
  mutating func admit(_ inode: ImageInode) -> Refusal? {
    guard visited.insert(inode.record.number) else { return .isVisited }
    return stack.count < LinuxLimits.mostLevels ? nil : .isTooDeep
  }

  /// Continues with the entries of an admitted directory.
  mutating func enter(_ inode: ImageInode, _ cursor: DirectoryCursor, _ notes: Notes) {
    if !stack.isEmpty { stack[stack.count - 1].cursor.suspend() }
    stack.append(Level(inode: inode, cursor: cursor, notes: notes, pathCount: path.count))
  }

  /// The next entry of the current directory; `nil` after its last one. The path is the
  /// directory's, until `append` is called.
  ///
  /// - Throws: `ImageReadError` if the directory cannot be read further; it has then been left.
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
      stack.removeAll()  // the rest would be no better
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
  /// Its inode's number; `nil` if an image with `count` inodes has no such number.
  func inodeNumber(upTo count: UInt32) -> UInt32? {
    guard let number = UInt32(exactly: number), number > 0, number <= count else { return nil }
    return number
  }
}

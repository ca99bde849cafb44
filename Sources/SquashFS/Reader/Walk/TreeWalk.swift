import Posix
import SquashFSFormat
import TreeModel

/// Visits everything below a directory, each directory before its contents, names in the order of
/// the image.
package struct TreeWalk {
  package struct Node: Sendable {
    /// The path from the start of the walk, without a leading slash.
    package var path: [UInt8]
    /// Where the name starts in the path.
    package var nameStart: Int
    package var inode: ImageInode

    package var name: ArraySlice<UInt8> { path[nameStart...] }
  }

  private struct Level {
    var cursor: DirectoryCursor
    var pathCount: Int
    var lastName: [UInt8] = []
  }

  private let image: Image
  private var stack: [Level] = []
  /// What was read last, for errors: the path of an entry or of a directory.
  package private(set) var path: [UInt8] = []
  private var visited: InodeSet
  private var entered: Node?
  private var listings: ListingBudget
  private var inodes: InodeBudget
  private var paths = PathBudget()

  /// - Parameter directory: the start; it is not visited itself.
  package init(_ image: Image, from directory: ImageInode) throws(ImageReadError) {
    self.image = image
    visited = InodeSet(upTo: image.superblock.inodeCount)
    listings = ListingBudget(image)
    inodes = InodeBudget(image)
    _ = visited.insert(directory.record.number)
    stack.append(Level(cursor: try image.entries(of: directory), pathCount: 0))
  }

  /// The number of directories begun and not finished, including the first.
  package var depth: Int { stack.count }

  /// The next node; `nil` at the end.
  ///
  /// - Throws: `ImageReadError` for a damaged directory or inode; the walk can continue after it,
  ///   without the unreadable part.
  package mutating func next() throws(ImageReadError) -> Node? {
    if let node = entered {
      entered = nil
      try enter(node)
    }
    while !stack.isEmpty {
      let entry: DirectoryCursor.Entry?
      do throws(ImageReadError) {
        entry = try stack[stack.count - 1].cursor.next()
      } catch {
        path.removeSubrange(stack.removeLast().pathCount...)
        throw error
      }
      guard let entry else {
        stack.removeLast()
        continue
      }
      do throws(ImageReadError) {
        try listings.take(stack[stack.count - 1].cursor)
      } catch {
        stack.removeAll()  // the rest would be no better
        throw error
      }
      path.removeSubrange(stack[stack.count - 1].pathCount...)
      if !path.isEmpty { path.append(pathSeparator) }
      let nameStart = path.count
      path.append(contentsOf: entry.name)
      guard path.count <= EffortBudget.longestPath else {
        throw .damaged(
          at: image.fileOffset(of: try image.inode(at: entry.inode)),
          "a path of more than \(EffortBudget.longestPath) bytes")
      }
      let inode = try image.inode(at: entry.inode)
      guard inode.record.type == entry.type else {
        throw .damaged(
          at: image.fileOffset(of: inode),
          "\(path.escapedName) has different types in its directory and its inode")
      }
      let last = stack[stack.count - 1].lastName
      stack[stack.count - 1].lastName = entry.name
      // Otherwise one path could be a link and a directory, and redirect whoever extracts them.
      guard last.isEmpty || last.lexicographicallyPrecedes(entry.name) else {
        throw .damaged(
          at: image.fileOffset(of: inode),
          "\(path.escapedName) is in its directory twice, or out of order")
      }
      do throws(ImageReadError) {
        try checkEffort(inode)
      } catch {
        stack.removeAll()  // the rest would be no better
        throw error
      }
      let node = Node(path: path, nameStart: nameStart, inode: inode)
      if inode.record.type == .directory { entered = node }
      return node
    }
    return nil
  }

  /// Skips the contents of the directory that `next` returned last.
  package mutating func skipChildren() { entered = nil }

  /// Makes sure that the walk's time and memory stay in proportion to the image's size.
  private mutating func checkEffort(_ inode: ImageInode) throws(ImageReadError) {
    guard paths.take(path.count) else {
      throw .damaged(at: image.fileOffset(of: inode), "the tree has too many long paths")
    }
    guard inodes.take(inode) else {
      let what = inode.record.type == .symlink ? "target" : "list of blocks"
      throw .damaged(
        at: image.fileOffset(of: inode),
        "\(path.escapedName) shares its \(what) with another file")
    }
  }

  private mutating func enter(_ node: Node) throws(ImageReadError) {
    guard visited.insert(node.inode.record.number) else {
      throw .damaged(
        at: image.fileOffset(of: node.inode),
        "the directory \(node.path.escapedName) is in the tree twice, or contains itself")
    }
    guard stack.count < LinuxLimits.mostLevels else {
      throw .damaged(
        at: image.fileOffset(of: node.inode),
        "directories are nested more than \(LinuxLimits.mostLevels) deep")
    }
    let cursor = try image.entries(of: node.inode)
    stack[stack.count - 1].cursor.suspend()
    stack.append(Level(cursor: cursor, pathCount: node.path.count))
  }
}

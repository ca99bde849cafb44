internal import Posix
internal import SquashFSFormat

/// Visits everything below a directory, each directory before what is in it, names in the order
/// of the image.
public struct TreeWalk {
  public struct Node: Sendable {
    /// The path from where the walk began, without a leading slash.
    public var path: [UInt8]
    /// Where the name starts in the path.
    public var nameStart: Int
    public var inode: ImageInode

    public var name: ArraySlice<UInt8> { path[nameStart...] }
  }

  private struct Level {
    var cursor: DirectoryCursor
    var pathCount: Int
    var lastName: [UInt8] = []
  }

  /// Twice as many bytes as a path can have that Linux takes at once.
  public static let longestPath = 8192
  /// More levels than any path that Linux takes at once can have.
  static let mostLevels = 3072

  private let image: Image
  private var stack: [Level] = []
  /// What was read last, for errors: the path of an entry, or of a directory.
  public private(set) var path: [UInt8] = []
  private var visited: InodeSet
  private var entered: Node?
  private var listings: ListingBudget
  /// Of lists of blocks and targets of links.
  private var ownBytes: UInt64 = 0
  /// Files with several names that were visited.
  private var linked: ReferenceSet
  private var pathBytes = 0

  /// - Parameter directory: where to begin; it is not visited itself.
  public init(_ image: Image, from directory: ImageInode) throws(ImageReadError) {
    self.image = image
    visited = InodeSet(upTo: image.superblock.inodeCount)
    listings = ListingBudget(image)
    linked = ReferenceSet(count: image.superblock.inodeCount)
    _ = visited.insert(directory.record.number)
    stack.append(Level(cursor: try image.entries(of: directory), pathCount: 0))
  }

  /// The number of directories that were begun and not ended, the first included.
  public var depth: Int { stack.count }

  /// The next node, `nil` at the end.
  ///
  /// - Throws: `ImageReadError` for a directory or inode that is damaged; the walk can go on
  ///   after it, without what cannot be read.
  public mutating func next() throws(ImageReadError) -> Node? {
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
        stack.removeAll()  // what comes would be no better
        throw error
      }
      path.removeSubrange(stack[stack.count - 1].pathCount...)
      if !path.isEmpty { path.append(pathSeparator) }
      let nameStart = path.count
      path.append(contentsOf: entry.name)
      guard path.count <= Self.longestPath else {
        throw .damaged(
          at: image.fileOffset(of: try image.inode(at: entry.inode)),
          "a path of more than \(Self.longestPath) bytes")
      }
      let inode = try image.inode(at: entry.inode)
      guard inode.record.type == entry.type else {
        throw .damaged(
          at: image.fileOffset(of: inode),
          "\(path.escapedName) has another type in its directory than its inode says")
      }
      let last = stack[stack.count - 1].lastName
      stack[stack.count - 1].lastName = entry.name
      // Or one path could be a link and a directory, and lead astray who makes files of them.
      guard last.isEmpty || last.lexicographicallyPrecedes(entry.name) else {
        throw .damaged(
          at: image.fileOffset(of: inode),
          "\(path.escapedName) is in its directory twice, or in the wrong place")
      }
      do throws(ImageReadError) {
        try checkEffort(inode)
      } catch {
        stack.removeAll()  // what comes would be no better
        throw error
      }
      let node = Node(path: path, nameStart: nameStart, inode: inode)
      if inode.record.type == .directory { entered = node }
      return node
    }
    return nil
  }

  /// Does not go into the directory that `next` gave last.
  public mutating func skipChildren() { entered = nil }

  /// Makes sure that the walk takes no more time and memory than the image is large.
  private mutating func checkEffort(_ inode: ImageInode) throws(ImageReadError) {
    // Paths that fill the memory of who keeps them are in no real tree.
    pathBytes += max(0, path.count - Self.averagePath)
    guard pathBytes <= Self.mostPathBytes else {
      throw .damaged(at: image.fileOffset(of: inode), "the tree has too many long paths")
    }
    let what: String
    switch inode.record.body {
    case .file(let file):
      what = "list of blocks"
      let (bytes, overflow) = file.blockCount(image.superblock.blockSize)
        .multipliedReportingOverflow(by: 4)
      if inode.record.links > 1, !linked.insert(inode.reference) { return }
      ownBytes = ownBytes.addingReportingOverflow(overflow ? .max >> 1 : bytes).partialValue
    case .symlink(let size):
      what = "target"
      if inode.record.links > 1, !linked.insert(inode.reference) { return }
      ownBytes += UInt64(size)
    default: return
    }
    guard ownBytes < .max >> 1, image.canHave(inodeBytes: ownBytes) else {
      throw .damaged(
        at: image.fileOffset(of: inode),
        "\(path.escapedName) shares its \(what) with another file")
    }
  }

  static let averagePath = 1024
  static let mostPathBytes = 16 << 20

  private mutating func enter(_ node: Node) throws(ImageReadError) {
    guard visited.insert(node.inode.record.number) else {
      throw .damaged(
        at: image.fileOffset(of: node.inode),
        "the directory \(node.path.escapedName) is in the tree twice, or in itself")
    }
    guard stack.count < Self.mostLevels else {
      throw .damaged(
        at: image.fileOffset(of: node.inode),
        "directories are nested more than \(Self.mostLevels) deep")
    }
    let cursor = try image.entries(of: node.inode)
    stack[stack.count - 1].cursor.suspend()
    stack.append(Level(cursor: cursor, pathCount: node.path.count))
  }
}

import Posix
import SquashFSFormat
import TreeModel

extension Image {
  /// Why a path leads nowhere.
  package enum LookupFailure: Error, Equatable {
    case notFound
    case notADirectory
    case tooManyLinks
    /// A symbolic link leads to something outside the image.
    case dangling(link: [UInt8], target: [UInt8])
  }

  /// A symbolic link being followed: not all names of its target have been looked up yet.
  private struct FollowedLink {
    var path: [UInt8]
    var target: [UInt8]
    /// How many names come after those of the target.
    var namesAfter: Int
  }

  /// Looks up a path as the kernel would: follows symbolic links on the way, within the image,
  /// whose root is where absolute ones begin.
  ///
  /// - Parameters:
  ///   - followsLast: whether to follow a link named by the whole path.
  ///   - isFurther: whether it is one of many lookups on behalf of the image rather than a user:
  ///     their cost adds up and is limited.
  package func lookup(
    _ path: [UInt8], followsLast: Bool, isFurther: Bool = false
  ) throws(ImageReadError) -> Result<ImageInode, LookupFailure> {
    try locate(path, followsLast: followsLast, isFurther: isFurther).map(\.inode)
  }

  /// The inode a path names, and the path that leads there without links.
  package struct Location {
    package var path: [UInt8]
    package var inode: ImageInode
  }

  /// The same as `lookup`, with the resolved path.
  package func locate(
    _ path: [UInt8], followsLast: Bool, isFurther: Bool = false
  ) throws(ImageReadError) -> Result<Location, LookupFailure> {
    if !isFurther { lookups.refill() }
    let root = try root()
    var directories = [root]
    var names: [[UInt8]] = []
    var links: [FollowedLink] = []
    var current = root
    var lastName: [UInt8] = []
    var rest = Self.components(of: path)
    var linksLeft = LinuxLimits.mostLinks
    // As in the kernel, a slash at the end asks for a directory.
    let needsDirectory = path.last == pathSeparator || path.suffix(2).elementsEqual("/.".utf8)
    let followsLast = followsLast || needsDirectory
    while let name = rest.popLast() {
      // Links whose targets have been walked are done.
      while let link = links.last, rest.count < link.namesAfter { links.removeLast() }
      func failure(_ other: LookupFailure) -> Result<Location, LookupFailure> {
        .failure(links.last.map { .dangling(link: $0.path, target: $0.target) } ?? other)
      }
      guard current.record.type == .directory else { return failure(.notADirectory) }
      if name == Self.parent {
        if directories.count > 1 {
          directories.removeLast()
          names.removeLast()
        } else if let link = links.last, !link.target.isAbsolutePath {
          return failure(.notFound)
        }
        current = directories[directories.count - 1]
        continue
      }
      guard let child = try child(of: current, named: name) else { return failure(.notFound) }
      if child.record.type == .symlink && (followsLast || !rest.isEmpty) {
        linksLeft -= 1
        guard linksLeft >= 0 else { return .failure(.tooManyLinks) }
        let target = try target(of: child)
        links.append(
          FollowedLink(
            path: Array((names + [name]).joined(separator: "/".utf8)), target: target,
            namesAfter: rest.count))
        if target.isAbsolutePath {
          directories = [root]
          names = []
          current = root
        }
        rest += Self.components(of: target)
        continue
      }
      current = child
      lastName = name
      if child.record.type == .directory {
        directories.append(child)
        names.append(name)
      }
    }
    if needsDirectory && current.record.type != .directory { return .failure(.notADirectory) }
    if current.record.type != .directory { names.append(lastName) }
    return .success(
      Location(path: Array(names.joined(separator: "/".utf8)), inode: current))
  }

  private static let parent = [UInt8(ascii: "."), UInt8(ascii: ".")]

  /// The components other than dots and empty ones, last first.
  private static func components(of path: [UInt8]) -> [[UInt8]] {
    path.pathComponents.filter { !$0.elementsEqual([UInt8(ascii: ".")]) }
      .reversed().map { Array($0) }
  }

  /// The entry with that name in a directory, for a user who asks for it.
  ///
  /// - Returns: `nil` if there is none.
  package func entry(
    named name: [UInt8], in directory: ImageInode
  ) throws(ImageReadError) -> ImageInode? {
    lookups.refill()
    return try child(of: directory, named: name)
  }

  /// The entry with that name in a directory, found through its index if it has one.
  func child(
    of directory: ImageInode, named name: [UInt8]
  ) throws(ImageReadError) -> ImageInode? {
    guard case .directory(let record) = directory.record.body else { return nil }
    var cursor = try start(for: name, in: directory, record)
    while let entry = try cursor.next() {
      try lookAtEntry(of: directory)
      if entry.name == name {
        let inode = try inode(at: entry.inode)
        guard inode.record.type == entry.type else {
          throw .damaged(
            at: fileOffset(of: inode), "an inode whose type differs from its directory entry")
        }
        return inode
      }
      // Names are sorted, which `verify` checks; the kernel relies on it too.
      if name.lexicographicallyPrecedes(entry.name) { return nil }
    }
    return nil
  }

  func lookAtEntry(of directory: ImageInode) throws(ImageReadError) {
    guard lookups.take() else {
      throw .damaged(
        at: fileOffset(of: directory),
        "finding paths takes too long: large directories have no index, or a wrong one")
    }
  }

  /// A cursor at the last header in the index before `name`.
  func start(
    for name: [UInt8], in directory: ImageInode, _ record: InodeRecord.Directory
  ) throws(ImageReadError) -> DirectoryCursor {
    guard record.indexCount > 0, record.indexCount <= record.mostIndexEntries else {
      return try DirectoryCursor(directories, record)
    }
    var cursor = try MetadataCursor(inodes, at: directory.tail)
    var best: DirectoryIndexRecord?
    for _ in 0..<record.indexCount {
      try lookAtEntry(of: directory)
      let entry = try indexEntry(next: &cursor)
      if name.lexicographicallyPrecedes(entry.name) { break }
      best = entry.record
    }
    guard let best, Int(best.offset) < record.listingSize else {
      return try DirectoryCursor(directories, record)
    }
    // The offset in the unpacked block follows from the listing's own.
    var later = record
    let offset = (record.listing.offset + Int(best.offset)) % MetadataBlock.byteCount
    later.listing = MetadataReference(blockStart: UInt64(best.blockStart), offset: offset)
    later.storedSize -= best.offset
    return try DirectoryCursor(directories, later)
  }

  /// Reads an entry of a directory's index.
  func indexEntry(
    next cursor: inout MetadataCursor
  ) throws(ImageReadError) -> (record: DirectoryIndexRecord, name: [UInt8]) {
    let record = try cursor.record(DirectoryIndexRecord.byteCount) {
      DirectoryIndexRecord(parsing: $0)
    }
    guard record.nameSize <= UInt64(DirectoryEntryRecord.longestName) else {
      throw .damaged(at: cursor.fileOffset, "a name of \(record.nameSize) bytes in an index")
    }
    return (record, try cursor.bytes(Int(record.nameSize)))
  }
}

import Posix
import SquashFSFormat
import TreeModel

/// Finds files of an image by their paths, quickly if paths come in byte order: each directory on
/// the way stays open at the entry found last.
struct OldPaths {
  /// A directory on the way to the latest path.
  fileprivate struct Level {
    var name: [UInt8]
    /// `nil` if there is no such directory.
    var directory: ImageInode?
    var cursor: DirectoryCursor?
    /// The entry that the cursor has read last.
    var latest: DirectoryCursor.Entry?
    /// The name looked up last: nothing lies between it and the latest entry.
    var searched: [UInt8] = []
  }

  private let image: Image
  private var levels: [Level]
  /// Each path allows for this many more entries to look at.
  private static let entriesForEach = 1000

  /// - Throws: `ImageReadError` if the image's root is unreadable.
  init(_ image: Image) throws(ImageReadError) {
    self.image = image
    levels = [Level(name: [], directory: try image.root())]
  }

  /// The inode of a path, which has no empty names; `nil` if there is none.
  ///
  /// - Throws: `ImageReadError` for a damaged directory, which counts as empty from then on.
  mutating func find(_ path: ArraySlice<UInt8>) throws(ImageReadError) -> ImageInode? {
    image.lookups.most += Self.entriesForEach
    var depth = 0
    var start = path.startIndex
    while let slash = path[start...].firstIndex(of: pathSeparator) {
      let name = path[start..<slash]
      if depth + 1 == levels.count || !levels[depth + 1].name.elementsEqual(name) {
        levels.removeSubrange((depth + 1)...)
        let directory = try find(name, at: depth)
        let isDirectory = directory?.record.type == .directory
        levels.append(Level(name: Array(name), directory: isDirectory ? directory : nil))
      }
      depth += 1
      start = slash + 1
    }
    return try find(path[start...], at: depth)
  }

  private mutating func find(
    _ name: ArraySlice<UInt8>, at depth: Int
  ) throws(ImageReadError) -> ImageInode? {
    guard levels[depth].directory != nil else { return nil }
    let inode: MetadataReference?
    do throws(ImageReadError) {
      inode = try levels[depth].find(name, in: image)
    } catch {
      levels[depth].directory = nil
      throw error
    }
    // A damaged inode does not make its directory unreadable.
    guard let inode else { return nil }
    return try image.inode(at: inode)
  }
}

extension OldPaths.Level {
  fileprivate mutating func find(
    _ name: ArraySlice<UInt8>, in image: Image
  ) throws(ImageReadError) -> MetadataReference? {
    guard let directory, case .directory(let record) = directory.record.body else { return nil }
    defer {
      searched.removeAll(keepingCapacity: true)
      searched += name
    }
    if let latest, name.elementsEqual(latest.name) { return latest.inode }
    let isBefore = latest.map { name.lexicographicallyPrecedes($0.name) } ?? false
    if isBefore, searched.lexicographicallyPrecedes(name) { return nil }
    if cursor == nil || isBefore || name.lexicographicallyPrecedes(searched) {
      cursor = try image.start(for: Array(name), in: directory, record)
      latest = nil
    }
    while let entry = try cursor?.next() {
      try image.lookAtEntry(of: directory)
      latest = entry
      if name.elementsEqual(entry.name) { return entry.inode }
      if name.lexicographicallyPrecedes(entry.name) { return nil }
    }
    return nil
  }
}

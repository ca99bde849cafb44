import Posix
import SquashFSFormat
import TreeModel

extension Image {
  /// Opens the image in a file or on a disk.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - offset: the start of the image in it, in bytes.
  /// - Throws: `ImageReadError`, with the code `unreadable` if the file cannot be opened.
  public convenience init(path: String, offset: UInt64 = 0) throws(ImageReadError) {
    try self.init(ImageInput(path: Array(path.utf8), base: offset))
  }

  /// Opens an image in memory.
  ///
  /// - Parameter bytes: the whole image.
  /// - Throws: `ImageReadError`.
  public convenience init(bytes: [UInt8]) throws(ImageReadError) {
    try self.init(ImageInput(MemoryBytes(bytes)))
  }

  /// The size of a whole block of a file in bytes: a power of two from 4,096 to 1,048,576.
  public var blockSize: Int { superblock.blockSize.byteCount }

  /// The number of files, directories and others; several names of one file count once. At least 1.
  public var inodeCount: Int { Int(superblock.inodeCount) }

  /// The compressor's name in mksquashfs, such as `zstd`.
  public var compressorName: String { superblock.compressor.name }

  /// When the image was made, in seconds since 1970, according to itself.
  public var modified: UInt32 { superblock.modified }

  /// The entry at a path. Symbolic links on the way are followed within the image, as Linux does
  /// once it is mounted.
  ///
  /// - Parameters:
  ///   - path: from the root; a leading slash means nothing, a trailing one a directory.
  ///   - followsLinks: whether to follow a link named by the whole path.
  /// - Returns: `nil` if the path leads to nothing.
  /// - Throws: `ImageReadError` for damage on the way.
  public func entry(
    at path: ImagePath, followsLinks: Bool = false
  ) throws(ImageReadError) -> ImageEntry? {
    guard case .success(let found) = try locate(path.bytes, followsLast: followsLinks) else {
      return nil
    }
    return try ImageEntry(found.inode, at: ImagePath(bytes: found.path), in: self)
  }

  /// The entries of a directory, in byte order of names.
  ///
  /// - Throws: `ImageReadError`, with the code `notFound` if the path is not a directory's.
  public func entries(
    in directory: ImagePath = ""
  ) throws(ImageReadError) -> [ImageEntry] {
    var walk = try walk(from: directory)
    var entries: [ImageEntry] = []
    while let entry = try walk.next() {
      walk.skipChildren()
      entries.append(entry)
    }
    return entries
  }

  /// Visits everything below a directory.
  ///
  /// - Throws: `ImageReadError`, with the code `notFound` if the path is not a directory's.
  public func walk(from directory: ImagePath = "") throws(ImageReadError) -> ImageWalk {
    let found = try find(directory, "directory") { $0.record.type == .directory }
    return try ImageWalk(self, from: found.inode, at: ImagePath(bytes: found.path))
  }

  /// The bytes of a regular file, piece by piece; follows a symbolic link.
  ///
  /// - Throws: `ImageReadError`, with the code `notFound` if the path is not a regular file's.
  public func pieces(of path: ImagePath) throws(ImageReadError) -> FilePieces {
    let found = try find(path, "regular file") { $0.record.type == .file }
    return try FilePieces(self, found.inode)
  }

  /// The bytes of a regular file; follows a symbolic link.
  ///
  /// - Parameters:
  ///   - path: from the root.
  ///   - limit: the most bytes to return, since an image of a few kilobytes can have files of any
  ///     size.
  /// - Throws: `ImageReadError`, with the code `notFound` if the path is not a regular file's, and
  ///   `unsupported` if the file is larger than `limit`.
  public func contents(
    of path: ImagePath, limit: Int = 1 << 30
  ) throws(ImageReadError) -> [UInt8] {
    var pieces = try pieces(of: path)
    guard pieces.byteCount <= UInt64(limit) else {
      throw ImageReadError(
        .unsupported,
        "\(path): \(pieces.byteCount.counted("byte")), more than the limit of \(limit.grouped)")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(min(pieces.byteCount, UInt64(blockSize))))
    while let piece = try pieces.next() { bytes += piece }
    return bytes
  }

  private func find(
    _ path: ImagePath, _ kind: String, where isWanted: (ImageInode) -> Bool
  ) throws(ImageReadError) -> Location {
    guard case .success(let found) = try locate(path.bytes, followsLast: true),
      isWanted(found.inode)
    else { throw ImageReadError(.notFound, "\(path): the image has no \(kind) of this path") }
    return found
  }
}

/// Visits everything below a directory: each directory before its contents, names in byte
/// order.
public struct ImageWalk {
  private let image: Image
  private let start: ImagePath
  private var walk: TreeWalk

  init(
    _ image: Image, from directory: ImageInode, at start: ImagePath
  ) throws(ImageReadError) {
    self.image = image
    self.start = start
    walk = try TreeWalk(image, from: directory)
  }

  /// The next entry; `nil` after the last one.
  ///
  /// - Throws: `ImageReadError` for damage; the walk can continue after it, without that part.
  public mutating func next() throws(ImageReadError) -> ImageEntry? {
    guard let node = try walk.next() else { return nil }
    return try ImageEntry(node.inode, at: start.appending(node.path), in: image)
  }

  /// Skips the contents of the directory that `next` returned last.
  public mutating func skipChildren() { walk.skipChildren() }
}

package import Posix
package import SquashFSFormat
package import TreeModel

/// A SquashFS 4.0 image open for reading. One thread reads metadata, on demand; any number of
/// `BlockUnpacker`s read blocks of files.
///
/// Nothing in an image is trusted: whatever it claims, memory stays within the caches, reading
/// terminates, and damage is an `ImageReadError`.
public final class Image {
  package let superblock: Superblock
  /// The compressor's settings, if the writer recorded them.
  package let compressorOptions: CompressorOptions?
  package let input: ImageInput

  private let tables: ImageTables
  private var inodeBytes: UInt64?
  /// How many entries of directories and their indexes may be read to find a path.
  var lookups = LookupBudget()

  var inodes: MetadataTable { tables.inodes }
  var directories: MetadataTable { tables.directories }
  var idTable: LookupTableReader { tables.idTable }
  var fragmentTable: LookupTableReader? { tables.fragments }
  var exportTable: LookupTableReader? { tables.exports }
  var xattrs: XattrTableReader? { tables.xattrs }
  /// User and group ids, by index.
  var ids: [UInt32] { tables.ids }
  /// The tables that could not be read, in an image opened for salvage.
  package var lostTables: [String] { tables.lost }

  /// What to tolerate in a damaged image.
  package enum Tolerance: Sendable {
    case nothing
    /// A file that ends before the image does.
    case shortFile
    /// Also unreadable tables, as long as inodes and directories may exist.
    case lostTables
  }

  /// Opens an image and reads its superblock and the positions of its tables.
  package init(
    _ input: ImageInput, tolerating tolerance: Tolerance = .nothing
  ) throws(ImageReadError) {
    self.input = input
    superblock = try Self.readSuperblock(of: input)
    guard superblock.bytesUsed <= UInt64(Int64.max) else {
      throw .damaged(
        at: input.base, "will not mount: an image of \(superblock.bytesUsed) bytes is too large")
    }
    if superblock.bytesUsed > input.length && tolerance == .nothing {
      let missing = superblock.bytesUsed - input.length
      throw .damaged(
        at: input.base + input.length,
        "the file is \(missing.counted("byte")) short; fetch it again")
    }
    compressorOptions = try Self.options(superblock, input)
    tables = try ImageTables(
      superblock, input, salvages: tolerance == .lostTables, caching: .ofOneReader)
  }

  /// Another reader of an open image, for another thread.
  ///
  /// - Parameters:
  ///   - cache: for all readers of this image.
  ///   - cancellation: ends the waiting for a distant source.
  package init(
    _ other: Image, sharing cache: MetadataCache, until cancellation: Cancellation? = nil
  ) throws(ImageReadError) {
    input = ImageInput(other.input, until: cancellation)
    superblock = other.superblock
    compressorOptions = other.compressorOptions
    tables = try ImageTables(superblock, input, salvages: false, caching: .ofOneOfMany(cache))
  }

  static func readSuperblock(of input: ImageInput) throws(ImageReadError) -> Superblock {
    var bytes = [UInt8](repeating: 0, count: Superblock.byteCount)
    var failure: ImageReadError?
    let count = bytes.withUnsafeMutableBytes { buffer -> Int in
      do throws(ImageReadError) {
        return try input.readSome(buffer, at: 0)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    guard count > 0 else {
      throw ImageReadError(.notAnImage, at: input.base, "the file is empty, not a SquashFS image")
    }
    guard count == bytes.count else {
      throw ImageReadError(
        .notAnImage, at: input.base, "not a SquashFS image: only \(count) bytes long")
    }
    do throws(Superblock.Problem) { return try Superblock(parsing: bytes.span.bytes) } catch {
      throw ImageReadError(error, at: input.base)
    }
  }

  private static func options(
    _ superblock: Superblock, _ input: ImageInput
  ) throws(ImageReadError) -> CompressorOptions? {
    guard superblock.flags.contains(.compressorOptions) else { return nil }
    let start = UInt64(Superblock.byteCount)
    let table = MetadataTable(
      start..<max(start, min(superblock.bytesUsed, input.length)), "compressor's options",
      of: input, codec: NoCodec())
    let block = try table.block(at: 0)
    guard let options = CompressorOptions(superblock.compressor, parsing: block.bytes.bytes) else {
      throw .damaged(
        at: input.base + start,
        "the compressor's options have \(block.count) bytes, wrong for "
          + "\(superblock.compressor.name)")
    }
    return options
  }

  /// The options are never compressed; a compressed mark means damage.
  private final class NoCodec: BlockDecompressor {
    func decompress(
      _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> UnpackedBlock { throw CodecError(codec: "options", code: 0) }
  }

  /// Where the inodes and the directories are, in bytes from the image's start.
  package var metadataRanges: [Range<UInt64>] { [inodes.range, directories.range] }

  /// Makes further threads unpack the inodes and directories, for a caller that will read most of
  /// them.
  package func readMetadataAhead() {
    for table in [inodes, directories] {
      input.willRead(table.range)
      if let codec = try? superblock.compressor.makeDecompressor() { table.readAhead(with: codec) }
    }
  }

  /// Whether inodes can have this many bytes of block lists and link targets together, provided
  /// that none are shared.
  package func canHave(inodeBytes bytes: UInt64) -> Bool {
    let size = inodes.range.upperBound - inodes.range.lowerBound
    let free = size.multipliedReportingOverflow(by: EffortBudget.inodeTableRatio).partialValue
    if bytes <= max(EffortBudget.freeInodeBytes, free) { return true }
    let total = inodeBytes ?? inodes.unpackAll()
    inodeBytes = total
    return bytes <= total
  }

  // MARK: Inodes

  /// The root directory's inode.
  package func root() throws(ImageReadError) -> ImageInode {
    let root = try inode(at: superblock.rootInode)
    guard root.record.type == .directory else {
      throw .damaged(at: fileOffset(of: root), "the root of the image is not a directory")
    }
    return root
  }

  /// The inode at a place in the inode table.
  package func inode(at reference: MetadataReference) throws(ImageReadError) -> ImageInode {
    var cursor = try MetadataCursor(inodes, at: reference)
    return try cursor.inode()
  }

  /// The position in the file of the metadata block with an inode.
  package func fileOffset(of inode: ImageInode) -> UInt64 {
    inodes.fileOffset(inode.reference.blockStart)
  }

  /// The owner, mode and time.
  package func attributes(of inode: ImageInode) throws(ImageReadError) -> Attributes {
    let record = inode.record
    if ids.isEmpty {  // lost; otherwise the image would not be open
      return Attributes(
        permissions: record.permissions & 0o777, uid: 0, gid: 0, modified: Int64(record.modified))
    }
    guard Int(record.uidIndex) < ids.count, Int(record.gidIndex) < ids.count else {
      throw .damaged(at: fileOffset(of: inode), "an owner that is not in the id table")
    }
    return Attributes(
      permissions: record.permissions, uid: Self.owner(ids[Int(record.uidIndex)]),
      gid: Self.owner(ids[Int(record.gidIndex)]), modified: Int64(record.modified))
  }

  /// Linux uses this number for no user or group, and shows another one for owners it cannot
  /// express (`overflowuid` in proc_sys_kernel(5)).
  static func owner(_ id: UInt32) -> UInt32 { id == .max ? 65_534 : id }

  /// The target of a symbolic link.
  package func target(of inode: ImageInode) throws(ImageReadError) -> [UInt8] {
    guard case .symlink(let size) = inode.record.body else { return [] }
    guard (1...EffortBudget.longestTarget).contains(size) else {
      throw .damaged(at: fileOffset(of: inode), "a symbolic link with a target of \(size) bytes")
    }
    var cursor = try MetadataCursor(inodes, at: inode.tail)
    let target = try cursor.bytes(Int(size))
    guard !target.contains(0) else {
      throw .damaged(
        at: fileOffset(of: inode), "a symbolic link with a NUL byte in its target")
    }
    return target
  }

  /// The row of the xattr table for an inode, or `Inode.noXattrs`.
  func xattrIndex(of inode: ImageInode) throws(ImageReadError) -> UInt32 {
    guard case .symlink(let size) = inode.record.body, inode.record.isExtended else {
      return inode.record.xattrIndex
    }
    guard size <= EffortBudget.longestTarget else {
      throw .damaged(at: fileOffset(of: inode), "a symbolic link with a target of \(size) bytes")
    }
    var cursor = try MetadataCursor(inodes, at: inode.tail)
    try cursor.skip(UInt64(size))
    return try cursor.record(4) { $0.little(0) }
  }

  /// The extended attributes of an inode.
  package func extendedAttributes(
    of inode: ImageInode
  ) throws(ImageReadError) -> [ExtendedAttribute] {
    let index = try xattrIndex(of: inode)
    guard index != Inode.noXattrs else { return [] }
    guard let xattrs else {
      throw .damaged(
        at: fileOffset(of: inode), "extended attributes in an image without a table of them")
    }
    return try xattrs.attributes(index)
  }

  /// The entries of a directory in the order of the image, which is byte order of names.
  package func entries(of inode: ImageInode) throws(ImageReadError) -> DirectoryCursor {
    guard case .directory(let directory) = inode.record.body else {
      throw .damaged(at: fileOffset(of: inode), "this is not a directory")
    }
    return try DirectoryCursor(directories, directory)
  }

  /// The entries of a directory from a position on, which an earlier cursor reported.
  ///
  /// - Parameter reference: the place of the position's header, if known: otherwise it is looked for
  ///   from the listing's start.
  package func entries(
    of inode: ImageInode, from position: DirectoryCursor.Position, reference: MetadataReference?
  ) throws(ImageReadError) -> DirectoryCursor {
    guard case .directory(let directory) = inode.record.body else {
      throw .damaged(at: fileOffset(of: inode), "this is not a directory")
    }
    return try DirectoryCursor(directories, directory, at: position, reference: reference)
  }

  /// The blocks of a regular file.
  package func blocks(of inode: ImageInode) throws(ImageReadError) -> FileBlocks {
    guard case .file(let file) = inode.record.body else {
      throw .damaged(at: fileOffset(of: inode), "this is not a regular file")
    }
    return try FileBlocks(self, file, at: inode.tail)
  }

  /// The place of a fragment block.
  package func fragment(_ index: UInt32) throws(ImageReadError) -> BlockPlace {
    guard let fragmentTable, Int(index) < fragmentTable.count else {
      throw .damaged(at: nil, "fragment \(index) is not in the fragment table")
    }
    let (start, stored) = try fragmentTable.row(Int(index)) {
      ($0.little(0, as: UInt64.self), StoredBlock(rawValue: $0.little(8)))
    }
    return try place(start, stored)
  }

  /// Makes sure that a block lies within the image and has a valid size.
  func place(_ start: UInt64, _ stored: StoredBlock) throws(ImageReadError) -> BlockPlace {
    guard stored.rawValue & StoredBlock.unusedBits == 0,
      stored.byteCount > 0, stored.byteCount <= superblock.blockSize.byteCount
    else {
      throw .damaged(
        at: input.base.addingReportingOverflow(start).partialValue,
        "a block with an invalid size of \(stored.byteCount.counted("byte"))")
    }
    let end = start.addingReportingOverflow(UInt64(stored.byteCount))
    guard start >= UInt64(Superblock.byteCount), !end.overflow,
      end.partialValue <= superblock.bytesUsed
    else {
      throw .damaged(
        at: input.base.addingReportingOverflow(start).partialValue,
        "a block lies here, outside the image")
    }
    return BlockPlace(start: start, stored: stored)
  }

  /// An unpacker for one thread.
  package func makeUnpacker() throws(ImageReadError) -> BlockUnpacker { try BlockUnpacker(self) }
}

import Posix
import SquashFSFormat
package import TreeModel

/// An image whose compressed blocks the next image takes over if they unpack to the same bytes.
///
/// Nothing in it is trusted: bytes are compared after unpacking, and what cannot be read is
/// compressed as if there were no such image.
package final class OldImage {
  private let image: Image
  private var paths: OldPaths
  /// Made for the first file without an equal path.
  private var sizes: OldSizes?
  /// The first error among inodes and directories.
  package private(set) var damage: ImageReadError?

  /// - Parameter options: those of the next image.
  /// - Throws: `OldImageMismatch`; `ImageReadError` if the root is unreadable.
  package init(_ image: Image, for options: ImageWriter.Options) throws {
    try OldImageMismatch.check(image, options)
    self.image = image
    paths = try OldPaths(image)
  }

  /// What each thread needs to take blocks over.
  var blocks: BlockReuse.Source {
    BlockReuse.Source(
      input: image.input, compressor: image.superblock.compressor,
      blockSize: image.superblock.blockSize, options: image.compressorOptions)
  }

  /// The number of blocks that could not be unpacked to find a file.
  package var unreadableBlocks: Int { sizes?.unreadable ?? 0 }

  // MARK: Files

  /// The regular file at a path in the image.
  package func find(_ path: ArraySlice<UInt8>) -> OldFile? {
    guard let inode = noting({ () throws(ImageReadError) in try paths.find(path) }),
      inode.record.type == .file
    else { return nil }
    return OldFile(number: inode.reference.rawValue)
  }

  /// A file of this size that probably begins with a block; see `OldSizes`.
  func find(size: UInt64, hash: UInt64, blocks: Int) -> OldFile? {
    if sizes == nil { sizes = try? OldSizes(image) }
    return sizes?.file(size: size, hash: hash, blocks: blocks)
  }

  /// A file's inode.
  func inode(of file: OldFile) -> ImageInode? {
    noting { () throws(ImageReadError) in
      try image.inode(at: MetadataReference(rawValue: file.number))
    }
  }

  /// The places of a file's blocks.
  func blocks(of inode: ImageInode) -> FileBlocks? {
    noting { () throws(ImageReadError) in try image.blocks(of: inode) }
  }

  /// The place of a file's whole block at an offset; see `FileBlocks`.
  func place(at offset: UInt64, in blocks: inout FileBlocks) -> BlockPlace? {
    noting { () throws(ImageReadError) in try blocks.wholeBlock(at: offset) }
  }

  /// The place of a fragment block.
  func place(ofFragment index: UInt32) -> BlockPlace? {
    guard !image.superblock.flags.contains(.fragmentsUncompressed) else { return nil }
    return noting { () throws(ImageReadError) in try image.fragment(index) }
  }

  private func noting<R>(_ body: () throws(ImageReadError) -> R?) -> R? {
    do throws(ImageReadError) { return try body() } catch {
      damage = damage ?? error
      return nil
    }
  }
}

/// Why the blocks of an old image cannot be those of the next one.
package struct OldImageMismatch: Error, CustomStringConvertible {
  package let description: String

  /// Compares what images record about the way in which they were packed.
  static func check(
    _ image: Image, _ options: ImageWriter.Options
  ) throws(OldImageMismatch) {
    let (old, new) = (image.superblock, options.compression)
    func refuse(_ was: String, _ becomes: String) -> OldImageMismatch {
      OldImageMismatch(description: "it was packed with \(was), this image with \(becomes)")
    }
    guard !old.flags.contains(.dataUncompressed) else {
      throw OldImageMismatch(description: "its blocks are not compressed")
    }
    guard old.compressor == new.id else { throw refuse(old.compressor.name, new.id.name) }
    guard old.blockSize == options.blockSize else {
      throw refuse(
        "blocks of \(old.blockSize.byteCount >> 10) KiB",
        "\(options.blockSize.byteCount >> 10) KiB")
    }
    func settings(_ recorded: CompressorOptions?) -> String {
      Self.settings(new.id, recorded, options.blockSize)
    }
    let (was, becomes) = (
      settings(image.compressorOptions), settings(new.options(options.blockSize))
    )
    guard was == becomes else { throw refuse(was, becomes) }
  }

  /// Settings in words: the same words for settings that make the same blocks, as far as images
  /// record them.
  private static func settings(
    _ compressor: CompressorID, _ recorded: CompressorOptions?, _ blockSize: BlockSize
  ) -> String {
    switch recorded {
    case .gzip(let level, 15, 0...1): "gzip level \(level)"
    case .gzip(let level, _, _): "gzip level \(level) and other settings"
    case .zstd(let level): "zstd level \(level)"
    case .lz4(_, let flags): flags & 1 == 0 ? "lz4 level 1 or 2" : "lz4 level 3 or higher"
    // Filters are compared block by block.
    case .xz(let dictionary, _): "an xz dictionary of \((Int(dictionary) >> 10).grouped) KiB"
    case .lzo(let algorithm, let level): "lzo algorithm \(algorithm), level \(level)"
    case nil:
      switch compressor {
      case .gzip: "gzip level 9"
      case .zstd: "zstd level 15"
      case .xz:
        "an xz dictionary of \((max(blockSize.byteCount, MetadataBlock.byteCount) >> 10).grouped) KiB"
      case .lz4, .lzo, .lzma: compressor.name
      }
    }
  }
}

import CFuse
import Posix
package import SquashFS
import SquashFSFormat
import TreeModel

/// An image, ready to answer the requests of the kernel for it.
package final class MountedImage: Sendable {
  let readers: MetadataReaders
  let cache: BlockCache
  let unpackers: Unpackers
  let files = MountedFiles(limit: 2048)
  let listings = ListingPlaces()
  let log: DamageLog
  let superblock: Superblock
  let hasXattrs: Bool
  let input: ImageInput
  /// The number of threads that take requests.
  package let threads: Int

  /// The most bytes of an answer; the kernel asks for no more.
  static let mostBytes = CFUSE_MOST_BYTES

  /// What a mounted image may cost.
  package struct Limits: Sendable {
    /// The most memory for unpacked blocks, in bytes.
    package var cache = 64 << 20

    package init() {}
  }

  /// - Parameters:
  ///   - image: no longer used by the caller.
  ///   - log: gets a line about damage, now and then.
  /// - Throws: `ImageReadError`, `SystemError`.
  package init(
    _ image: Image, limits: Limits = Limits(), log: @escaping @Sendable (String) -> Void
  ) throws {
    superblock = image.superblock
    hasXattrs = image.hasXattrs
    input = image.input
    _ = try image.root()
    // Those of a distant image wait more than they work. One is always free to take an interruption,
    // so that none unpacks, and not all look for something.
    let isDistant = image.input.wantsHints
    let processors = Process.processorCount
    threads = isDistant ? 9 : max(4, min(8, processors + 2))
    readers = try MetadataReaders(image, count: isDistant ? threads - 1 : threads)
    cache = BlockCache(byteCount: limits.cache)
    let workers = isDistant ? 8 : max(2, min(8, processors))
    unpackers = try Unpackers(
      image, into: cache, callers: isDistant ? 0 : threads - 1, threads: workers)
    self.log = DamageLog(log)
  }

  /// The inode behind a node number.
  func inode(_ node: UInt64, _ image: Image) throws(ImageReadError) -> ImageInode {
    guard
      let reference = NodeNumber(rawValue: node).reference(root: superblock.rootInode)
    else { throw ImageReadError(.notFound, "there is no node \(node)") }
    return try image.inode(at: reference)
  }

  /// Answers a request for a node.
  func answer(_ request: Request, _ node: UInt64, _ search: @escaping MetadataReaders.Search) {
    readers.answer(request, fail: { [self] in fail(request, $0, node: node) }, search)
  }

  /// Answers with an `errno` for an error, and notes damage in the log.
  func fail(_ request: Request, _ error: ImageReadError, node: UInt64) {
    request.fail(errorNumber(error, node: node))
  }

  func errorNumber(_ error: ImageReadError, node: UInt64) -> Int32 {
    if error.code == .notFound { return ErrorNumber.stale }
    log.note(error)
    return ErrorNumber.unreadable
  }
}

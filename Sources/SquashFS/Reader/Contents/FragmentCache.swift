import Posix
import SquashFSFormat

/// Fragment blocks for several threads to read the ends of files from: the first thread that needs
/// a block unpacks it, while the others wait.
package final class FragmentCache: @unchecked Sendable {
  /// An unpacked fragment block.
  package final class Fragment: @unchecked Sendable {
    private let buffer: UnsafeMutableRawBufferPointer
    fileprivate let place: BlockPlace
    // Guarded by the cache's monitor.
    fileprivate var result: Result<Int, ImageReadError>?

    fileprivate init(_ place: BlockPlace, blockSize: Int) {
      self.place = place
      buffer = .allocate(byteCount: blockSize, alignment: 64)
    }
    deinit { buffer.deallocate() }

    fileprivate func load(_ unpacker: BlockUnpacker) -> Result<Int, ImageReadError> {
      do throws(ImageReadError) {
        return .success(try unpacker.unpack(place, into: buffer))
      } catch {
        return .failure(error)
      }
    }

    fileprivate func bytes(_ count: Int) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: buffer[..<count])
    }
  }

  private let monitor = Monitor(conditions: 1)
  private let blockSize: Int
  private let limit: Int
  private let base: UInt64
  /// Used by the thread that reads metadata.
  private var fragments: [(index: UInt32, fragment: Fragment)] = []
  /// Guarded by the monitor.
  private var loading: Set<ObjectIdentifier> = []
  private static let loaded = 0

  package init(_ image: Image) {
    base = image.input.base
    blockSize = image.superblock.blockSize.byteCount
    limit = max(4, min(64, (16 << 20) / blockSize))
  }

  /// A fragment that is or will be in the cache; for the thread that reads metadata.
  ///
  /// - Returns: also whether it is new, and so worth unpacking on another thread.
  /// - Throws: `ImageReadError` if the image has no such fragment.
  package func fragment(
    _ index: UInt32, of image: Image
  ) throws(ImageReadError) -> (fragment: Fragment, isNew: Bool) {
    if let found = fragments.last(where: { $0.index == index }) { return (found.fragment, false) }
    let fragment = Fragment(try image.fragment(index), blockSize: blockSize)
    if fragments.count == limit { fragments.removeFirst() }
    fragments.append((index, fragment))
    return (fragment, true)
  }

  /// Runs `body` with a part of a fragment, which is unpacked now if necessary.
  package func withBytes<R>(
    of fragment: Fragment, offset: Int, size: Int, _ unpacker: BlockUnpacker,
    _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let result = load(fragment, unpacker)
    let bytes = fragment.bytes(try result.get())
    guard offset + size <= bytes.count else {
      throw ImageReadError(
        .damaged, at: base + fragment.place.start,
        "fragment unpacks to \(bytes.count) bytes, expected \(offset + size)")
    }
    return try body(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]))
  }

  /// Unpacks a fragment that will be needed.
  package func prepare(_ fragment: Fragment, _ unpacker: BlockUnpacker) {
    _ = load(fragment, unpacker)
  }

  private func load(
    _ fragment: Fragment, _ unpacker: BlockUnpacker
  ) -> Result<Int, ImageReadError> {
    let known = monitor.withLock { () -> Result<Int, ImageReadError>? in
      while fragment.result == nil, loading.contains(ObjectIdentifier(fragment)) {
        monitor.wait(on: Self.loaded)
      }
      if fragment.result == nil { loading.insert(ObjectIdentifier(fragment)) }
      return fragment.result
    }
    if let known { return known }
    let result = fragment.load(unpacker)
    monitor.withLock {
      fragment.result = result
      loading.remove(ObjectIdentifier(fragment))
      monitor.broadcast(Self.loaded)
    }
    return result
  }
}

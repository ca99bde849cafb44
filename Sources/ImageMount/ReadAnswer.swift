import CFuse
import Glibc
import SquashFS

/// The bytes that answer a read: pieces of blocks, and zeros.
struct ReadAnswer: Sendable {
  /// A piece of the answer.
  enum Piece: Sendable {
    case zeros(Int)
    /// Some bytes of the next block, which must unpack to `size` bytes, or to at least `end` if
    /// that is `nil`.
    case bytes(start: Int, end: Int, size: Int?)
  }

  private var pieces: [Piece] = []
  /// The blocks needed, in order.
  private(set) var places: [BlockPlace] = []

  mutating func addZeros(_ count: Int) { pieces.append(.zeros(count)) }

  /// - Parameter size: the block's unpacked size in bytes, if known.
  mutating func addBytes(_ range: Range<Int>, of place: BlockPlace, size: Int?) {
    pieces.append(.bytes(start: range.lowerBound, end: range.upperBound, size: size))
    places.append(place)
  }

  /// Answers.
  ///
  /// - Parameter blocks: those at `places`, all done.
  /// - Throws: `ImageReadError` if a block could not be unpacked or has another size; the request is
  ///   not answered then.
  func send(_ blocks: [BlockCache.Block], to request: Request) throws(ImageReadError) {
    if pieces.count == 1, case .bytes(let start, let end, let size) = pieces[0] {
      let buffer = try Self.content(of: blocks[0], end: end, size: size)
      request.reply(UnsafeRawBufferPointer(rebasing: buffer.bytes[start..<end]))
      return
    }
    var vectors: [iovec] = []
    // Keeps the bytes while the kernel takes them.
    var buffers: [BlockBuffer] = []
    for piece in pieces {
      switch piece {
      case .zeros(var count):
        while count > 0 {
          let step = min(count, Zeros.bytes.count)
          vectors.append(
            iovec(
              iov_base: UnsafeMutableRawPointer(mutating: Zeros.bytes.baseAddress), iov_len: step))
          count -= step
        }
      case .bytes(let start, let end, let size):
        let buffer = try Self.content(of: blocks[buffers.count], end: end, size: size)
        buffers.append(buffer)
        vectors.append(
          iovec(
            iov_base: UnsafeMutableRawPointer(mutating: buffer.bytes.baseAddress! + start),
            iov_len: end - start))
      }
    }
    withExtendedLifetime(buffers) { request.reply(pieces: vectors) }
  }

  private static func content(
    of block: BlockCache.Block, end: Int, size: Int?
  ) throws(ImageReadError) -> BlockBuffer {
    let buffer = try block.content.get()
    guard end <= buffer.bytes.count, size == nil || size == buffer.bytes.count else {
      throw ImageReadError(
        .damaged, at: block.place.start,
        "a block unpacks to \(buffer.bytes.count) bytes, expected \(size ?? end)")
    }
    return buffer
  }
}

/// Bytes for holes, never written: the system has one page for all of them.
private enum Zeros {
  nonisolated(unsafe) static let bytes = UnsafeRawBufferPointer(
    start: mmap(nil, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), count: 1 << 20)
}

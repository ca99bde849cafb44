import HTTP
import Posix
import Synchronization

/// An object of a store, opened for reading. All that is read belongs to one version: that of the
/// opening.
package final class RemoteObject: Sendable {
  package let version: ObjectVersion
  private let reader: RangeReader

  package var length: UInt64 { version.length }

  /// The bytes at both ends that opening fetches. An image's tables are there.
  private static let endBytes: UInt64 = 512 << 10

  /// Opens an object by two requests at once: its first bytes and its last; by one request of a byte
  /// if the cache has them.
  ///
  /// - Parameter cache: of objects read before, on disk.
  /// - Throws: `StoreError`.
  package init(
    _ location: ObjectLocation, in store: Store, limits: RangeReader.Limits = .init(),
    cache: ObjectCache? = nil
  ) throws(StoreError) {
    let ends =
      if let cache { try Self.ends(of: location, store, cache) } else {
        try Self.ends(of: location, store)
      }
    let version = ends.version
    self.version = version
    let cached = ends.cached
    reader = RangeReader(
      length: version.length, pinned: ends.pieces, cached: cached, limits: limits
    ) { (range) throws(StoreError) in
      let bytes = try Self.fetch(range, of: version, location, store)
      cached?.store(bytes, at: range.lowerBound)
      return bytes
    }
  }

  // MARK: Opening

  /// What opening finds out.
  private struct Ends {
    var version: ObjectVersion
    /// The object's last bytes and its first.
    var pieces: [(start: UInt64, bytes: [UInt8])]
    var cached: CachedObject?
  }

  private static func ends(
    of location: ObjectLocation, _ store: Store, _ cache: ObjectCache
  ) throws(StoreError) -> Ends {
    let place = CachedLocation(location, origin: try store.origin(of: location))
    if let known = cache.latest(place), let pieces = known.ends(endBytes) {
      // Not HEAD, which a presigned URL does not allow.
      let answer = try store.get(
        location, headers: [HTTPHeader("Range", "bytes=0-0")], mostBytes: Int(endBytes))
      if try Piece(answer, of: location).version == known.version {
        return Ends(version: known.version, pieces: pieces, cached: known)
      }
    }
    // The tail is to have its whole chunks.
    var ends = try ends(of: location, store, tailBytes: endBytes + CachedObject.chunkSize)
    ends.cached = cache.object(place, ends.version)
    for piece in ends.pieces { ends.cached?.store(piece.bytes, at: piece.start) }
    return ends
  }

  private static func ends(
    of location: ObjectLocation, _ store: Store, tailBytes: UInt64 = endBytes
  ) throws(StoreError) -> Ends {
    let tail = Mutex<Result<HTTPAnswer, StoreError>?>(nil)
    let fetchTail: @Sendable () -> Void = {
      let result: Result<HTTPAnswer, StoreError>
      do throws(StoreError) {
        result = .success(
          try store.get(
            location, headers: [HTTPHeader("Range", "bytes=-\(tailBytes)")],
            mostBytes: Int(tailBytes)))
      } catch { result = .failure(error) }
      tail.withLock { $0 = result }
    }
    let thread: WorkerThread
    do { thread = try WorkerThread(fetchTail) } catch {
      throw StoreError(.unreachable, "\(error)")
    }
    let head: Result<HTTPAnswer, StoreError>
    do throws(StoreError) {
      head = .success(
        try store.get(
          location, headers: [HTTPHeader("Range", "bytes=0-\(endBytes - 1)")],
          mostBytes: Int(endBytes)))
    } catch { head = .failure(error) }
    thread.join()

    let first = try Piece(head.get(), of: location)
    let last = try Piece(tail.withLock { $0! }.get(), of: location)
    let version = first.version
    guard version == last.version else { throw replaced }
    guard first.start == 0, last.start + UInt64(last.bytes.count) == version.length else {
      throw Piece.otherRange
    }
    return Ends(version: version, pieces: [(last.start, last.bytes), (0, first.bytes)])
  }

  deinit { reader.close() }

  /// Fills `buffer` from `offset` on; reads less only at the end.
  ///
  /// - Returns: the number of bytes read.
  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) throws(StoreError) -> Int { try reader.read(buffer, at: offset) }

  /// Has bytes fetched that will be read soon.
  package func willRead(_ range: Range<UInt64>) { reader.willRead(range) }

  /// Has bytes fetched that will be read in about this order.
  package func willRead(inOrder ranges: [Range<UInt64>]) { reader.willRead(inOrder: ranges) }

  private static let replaced = StoreError(
    .replaced, "was replaced while it was read; try again")

  private static func fetch(
    _ range: Range<UInt64>, of version: ObjectVersion, _ location: ObjectLocation, _ store: Store
  ) throws(StoreError) -> [UInt8] {
    var headers = [HTTPHeader("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]
    if let condition = version.condition { headers.append(condition) }
    let answer = try store.get(location, headers: headers, mostBytes: range.count)
    switch answer.status {
    case 412: throw replaced
    case 404, 410: throw StoreError(.replaced, "was deleted while it was read")
    case 416: throw replaced
    default: break
    }
    let piece = try Piece(answer, of: location)
    guard piece.version == version else { throw replaced }
    guard piece.start == range.lowerBound, piece.bytes.count == range.count else {
      throw Piece.otherRange
    }
    return piece.bytes
  }

  /// A checked answer to a request for a range.
  private struct Piece {
    let start: UInt64
    let bytes: [UInt8]
    let version: ObjectVersion

    static let otherRange = StoreError(
      .badAnswer, "the server sent other bytes than those asked for")

    init(_ answer: HTTPAnswer, of location: ObjectLocation) throws(StoreError) {
      switch answer.status {
      case 206: break
      // Some servers forget the status, but say what they sent.
      case 200 where answer.header("Content-Range") != nil: break
      case 200:
        // A short object may come whole.
        guard answer.header("Accept-Ranges") == "bytes",
          UInt64(answer.body.count) <= RemoteObject.endBytes
        else {
          throw StoreError(
            .badAnswer,
            "this server sends files only whole, but an image is read in parts; fetch it with curl")
        }
      case 416:
        throw StoreError(
          .badAnswer, "is empty: the upload did not finish, or it is a folder's mark")
      default: throw StoreFault(answer).error(about: location)
      }
      if let encoding = answer.header("Content-Encoding"), encoding != "identity" {
        throw StoreError(
          .badAnswer,
          "is stored with Content-Encoding: \(encoding.prefix(40)), so its bytes are not the image's; "
            + "upload it without")
      }
      bytes = answer.body
      guard answer.status == 206 || answer.header("Content-Range") != nil else {
        start = 0
        version = try ObjectVersion(answer, length: UInt64(bytes.count))
        return
      }
      guard let range = answer.header("Content-Range").flatMap(ContentRange.init) else {
        throw StoreError(.badAnswer, "the server does not say which bytes it sent")
      }
      guard range.range.count == bytes.count else { throw Self.otherRange }
      start = range.range.lowerBound
      version = try ObjectVersion(answer, length: range.total)
    }
  }
}

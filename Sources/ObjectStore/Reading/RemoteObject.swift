import HTTP
package import Posix
import Synchronization

/// An object of a store, opened for reading. All that is read belongs to one version: that of the
/// opening.
package final class RemoteObject: Sendable {
  package let version: ObjectVersion
  private let reader: RangeReader

  package var length: UInt64 { version.length }

  /// The bytes at both ends that opening fetches. An image's tables are there.
  static let endBytes: UInt64 = 512 << 10

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
    let source = VersionedSource(location, store, version, id: ends.id)
    reader = RangeReader(
      length: version.length, pinned: ends.pieces, cached: cached, limits: limits
    ) { (range) throws(StoreError) in
      let bytes = try source.fetch(range)
      cached?.store(bytes, at: range.lowerBound)
      return bytes
    }
  }

  // MARK: Opening

  /// What opening finds out.
  private struct Ends {
    var version: ObjectVersion
    /// The version's name in a bucket that keeps old ones.
    var id: String?
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
      let piece = try Piece(answer, of: location)
      if piece.version == known.version {
        return Ends(version: known.version, id: piece.versionID, pieces: pieces, cached: known)
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
    let version = first.version
    let end = try tail.withLock { $0! }.get()
    // One store has no last bytes of an object that is shorter; but then these are all.
    if end.status == 416, UInt64(first.bytes.count) == version.length {
      return Ends(version: version, id: first.versionID, pieces: [(0, first.bytes)])
    }
    let last = try Piece(end, of: location)
    guard version == last.version else { throw VersionedSource.replaced }
    guard first.start == 0, last.start + UInt64(last.bytes.count) == version.length else {
      throw Piece.otherRange
    }
    return Ends(
      version: version, id: first.versionID, pieces: [(last.start, last.bytes), (0, first.bytes)])
  }

  deinit { reader.close() }

  /// Fills `buffer` from `offset` on; reads less only at the end.
  ///
  /// - Parameter cancellation: ends the waiting, with an error.
  /// - Returns: the number of bytes read.
  package func read(
    _ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64,
    until cancellation: Cancellation? = nil
  ) throws(StoreError) -> Int { try reader.read(buffer, at: offset, until: cancellation) }

  /// Has bytes fetched that will be read soon.
  package func willRead(_ range: Range<UInt64>) { reader.willRead(range) }

  /// Has bytes fetched that will be read in about this order.
  package func willRead(inOrder ranges: [Range<UInt64>]) { reader.willRead(inOrder: ranges) }
}

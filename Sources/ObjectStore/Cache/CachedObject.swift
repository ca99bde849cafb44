import Glibc
import Posix
import Synchronization

/// What a cache on disk has of one version of an object: a sparse file of a header, an index and the
/// object's bytes, in chunks.
///
/// A chunk's bytes are written first, its record in the index after that; bytes that do not match
/// their record count as missing. So it does not matter where a process or the machine stopped, nor
/// that other threads and processes write the same chunk. Any number of threads may use it.
package final class CachedObject: Sendable {
  /// The bytes of a chunk; the object's last may be shorter.
  package static let chunkSize: UInt64 = 256 << 10

  package let version: ObjectVersion
  private let seed: UInt64
  /// Open for reading and writing, for as long as this lives: a process may lose its right to open
  /// it. A shared lock on it tells others that it is in use.
  private let file: Descriptor
  private let chunkCount: UInt64
  private let dataStart: UInt64
  private let cache: ObjectCache
  /// Whether the disk took no more once. What it has stays of use.
  private let hasStopped = Atomic(false)

  init(_ header: CacheHeader, _ file: consuming Descriptor, in cache: ObjectCache) {
    version = header.version
    seed = header.seed
    self.file = file
    self.cache = cache
    chunkCount = (version.length + Self.chunkSize - 1) / Self.chunkSize
    let index = UInt64(CacheHeader.size) + chunkCount * UInt64(CacheRecord.size)
    dataStart = (index + 4095) / 4096 * 4096
  }

  /// Closing alone would leave the lock to a process that is just being started.
  deinit { flock(file.number, LOCK_UN) }

  // MARK: Reading

  /// Whether a chunk is said to be here; its bytes may still turn out wrong.
  func has(_ chunk: UInt64) -> Bool { record(of: chunk) != nil }

  /// The bytes of a chunk.
  ///
  /// - Returns: `nil` if they are missing, or not what was stored.
  package func read(_ chunk: UInt64) -> [UInt8]? {
    guard let record = record(of: chunk) else { return nil }
    let range = range(of: chunk)
    var isRight = false
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      let buffer = UnsafeMutableRawBufferPointer(buffer)
      count = max(0, readFully(file.number, into: buffer, at: dataStart + range.lowerBound))
      isRight =
        count == range.count
        && CacheRecord(of: UnsafeRawBufferPointer(buffer), chunk: chunk, seed: seed) == record
    }
    guard !isRight else { return bytes }
    // Whoever finds no record need not read the chunk; if this fails, they read it in vain.
    _ = writeFully(
      file.number, [UInt8](repeating: 0, count: CacheRecord.size), at: place(of: chunk))
    return nil
  }

  /// The object's last bytes and its first, in whole chunks.
  ///
  /// - Parameter count: how many there must be of each, as far as the object has them.
  /// - Returns: `nil` if any are missing.
  func ends(_ count: UInt64) -> [(start: UInt64, bytes: [UInt8])]? {
    let most = min(count, version.length)
    guard let last = read(from: (version.length - most) / Self.chunkSize, to: version.length),
      let first = read(from: 0, to: most)
    else { return nil }
    return [last, first]
  }

  /// - Parameter end: where the bytes must reach, from the first chunk on.
  private func read(from first: UInt64, to end: UInt64) -> (start: UInt64, bytes: [UInt8])? {
    let start = first * Self.chunkSize
    var bytes: [UInt8] = []
    var chunk = first
    while start + UInt64(bytes.count) < end {
      guard let next = read(chunk) else { return nil }
      bytes += next
      chunk += 1
    }
    return (start, bytes)
  }

  private func record(of chunk: UInt64) -> CacheRecord? {
    guard chunk < chunkCount else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: CacheRecord.size, alignment: 8) { buffer in
      guard readFully(file.number, into: buffer, at: place(of: chunk)) == buffer.count else {
        return nil
      }
      return CacheRecord(reading: UnsafeRawBufferPointer(buffer), chunk: chunk, seed: seed)
    }
  }

  private func range(of chunk: UInt64) -> Range<UInt64> {
    let start = chunk * Self.chunkSize
    return start..<min(start + Self.chunkSize, version.length)
  }

  /// Where the record of a chunk is.
  private func place(of chunk: UInt64) -> UInt64 {
    UInt64(CacheHeader.size) + chunk * UInt64(CacheRecord.size)
  }

  // MARK: Writing

  /// Stores the chunks that lie wholly in these bytes of the object, as far as there is room.
  package func store(_ bytes: [UInt8], at start: UInt64) {
    let end = start + UInt64(bytes.count)
    var chunk = (start + Self.chunkSize - 1) / Self.chunkSize
    bytes.withUnsafeBytes { bytes in
      while chunk < chunkCount {
        let range = range(of: chunk)
        guard range.upperBound <= end else { return }
        let from = Int(range.lowerBound - start)
        write(UnsafeRawBufferPointer(rebasing: bytes[from..<from + range.count]), chunk)
        chunk += 1
      }
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, _ chunk: UInt64) {
    guard !hasStopped.load(ordering: .relaxed), cache.hasRoom(for: bytes.count) else { return }
    let record = CacheRecord(of: bytes, chunk: chunk, seed: seed)
    guard
      !writeFully(file.number, bytes, at: dataStart + chunk * Self.chunkSize)
        || !writeFully(file.number, record.bytes, at: place(of: chunk))
    else { return }
    let reason = SystemError.reason()
    guard !hasStopped.exchange(true, ordering: .relaxed) else { return }
    cache.report("\(reason); nothing more of this object is kept")
  }
}

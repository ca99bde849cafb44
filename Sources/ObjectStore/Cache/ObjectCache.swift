import Glibc
package import Posix
import Synchronization

/// A cache on disk of what was read from objects, shared by all processes of a user.
///
/// A folder has one file for each version of an object. What has not been opened for longest goes
/// first; what some process has open stays. If that leaves no room, nothing more is kept.
///
/// Root's processes that serve images give up their rights once these are open. They could not make
/// or remove files then, so `CachedObject` has its file open, and whoever opens an object next
/// removes the old ones. A folder that they could change would let one who takes over such a process
/// change everybody's images.
package final class ObjectCache: @unchecked Sendable {
  // `Folder` never changes; everything else is Sendable.
  let folder: Folder
  let lock: CacheLock
  /// The most that all objects may take, in bytes on disk.
  let size: UInt64
  /// Called with what the user should know, once for each object.
  let report: @Sendable (String) -> Void
  private let budget = Mutex(Budget())

  /// The default of `size`.
  package static let standardSize: UInt64 = 10 << 30

  private struct Budget {
    /// The bytes offered since the space was looked at.
    var offered: UInt64 = 0
    var isFull = false
  }

  /// Opens a cache; makes its folder if it is missing.
  ///
  /// - Parameters:
  ///   - size: the most that it may take on disk, in bytes. Each process may exceed it by 64 MiB.
  ///   - report: called with a sentence when the disk fails; any thread may call it.
  /// - Throws: `CacheError` if the folder is none that only this user can change.
  package init(
    _ path: HostPath, size: UInt64 = standardSize,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(CacheError) {
    folder = try CacheFolder.open(path)
    do throws(SystemError) { lock = try CacheLock(in: folder) } catch {
      throw CacheError(path: folder.path, message: error.description)
    }
    self.size = size
    self.report = { report("\(path.escapedName): \($0)") }
  }

  // MARK: Objects

  /// What the cache has of a version; of a new one, nothing yet.
  ///
  /// - Returns: `nil` if it cannot be kept.
  func object(_ location: CachedLocation, _ version: ObjectVersion) -> CachedObject? {
    guard let header = CacheHeader(location, version) else { return nil }
    let name = Name(unchecked: header.name(location))
    return opening {
      open(name) { $0 == header.bytes ? header : nil } ?? make(header, name)
    }
  }

  /// The version of an object that was opened last, if there is any.
  func latest(_ location: CachedLocation) -> CachedObject? {
    let prefix = CacheHeader.prefix(of: location)
    return opening {
      let files = (files() ?? []).filter { $0.name.bytes.starts(with: prefix) }
      for file in files.sorted(by: { $0.lastUse > $1.lastUse }) {
        if let found = open(file.name, { CacheHeader(reading: $0, of: location) }) { return found }
      }
      return nil
    }
  }

  private func opening(_ open: () -> CachedObject?) -> CachedObject? {
    let opened = lock.withLock(waits: true) { total in
      let object = open()
      // Now that the object is open, it stays.
      makeRoom(total)
      return object
    }
    return opened ?? nil
  }

  /// - Parameter header: makes out what the file is by its first bytes.
  private func open(_ name: Name, _ header: ([UInt8]) -> CacheHeader?) -> CachedObject? {
    let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
    guard let file = Descriptor(opening: name.bytes, flags, in: folder.descriptor),
      stat(of: file.number)?.isRegular == true
    else { return nil }
    let start = [UInt8](unsafeUninitializedCapacity: CacheHeader.size) { buffer, count in
      count = max(0, readFully(file.number, into: UnsafeMutableRawBufferPointer(buffer), at: 0))
    }
    guard let header = header(start) else { return nil }
    return use(header, file)
  }

  private func make(_ header: CacheHeader, _ name: Name) -> CachedObject? {
    // What has this name is damaged.
    try? folder.remove(name)
    let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
    guard let file = Descriptor(opening: name.bytes, flags, in: folder.descriptor, mode: 0o600),
      writeFully(file.number, header.bytes, at: 0), let object = use(header, file)
    else {
      report("\(SystemError.reason()); nothing of this object is kept")
      return nil
    }
    return object
  }

  private func use(_ header: CacheHeader, _ file: consuming Descriptor) -> CachedObject? {
    guard flock(file.number, LOCK_SH | LOCK_NB) == 0 else { return nil }
    // What the kernel calls now is some milliseconds ago.
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    futimens(file.number, [now, now])
    return CachedObject(header, file, in: self)
  }

  // MARK: Space

  /// How many bytes are offered between two looks at the space; at least a chunk.
  private var interval: UInt64 { min(64 << 20, max(size / 16, 2 * CachedObject.chunkSize)) }

  /// Whether so many bytes may be added.
  func hasRoom(for count: Int) -> Bool {
    let offered: UInt64? = budget.withLock { budget in
      budget.offered += UInt64(count)
      guard budget.offered > interval else { return nil }
      defer { budget.offered = UInt64(count) }
      return budget.offered - UInt64(count)
    }
    if let offered {
      // Another process that makes room makes it for this one too.
      _ = lock.withLock(waits: false) { makeRoom($0, offered: offered) }
    }
    return budget.withLock { !$0.isFull }
  }

  /// Removes old objects until there is room for what comes before the next look.
  ///
  /// - Parameter offered: what this process has added since the last one, at most.
  private func makeRoom(_ total: CacheLock.Total, offered: UInt64 = 0) {
    let room = size > interval ? size - interval : 0
    var sum: UInt64
    if let files = files() {
      sum = files.reduce(0) { $0 + $1.bytes }
      sum -= remove(files, max(sum > room ? sum - room : 0, lock.missingSpace))
    } else {
      sum = total.bytes
      if !budget.withLock({ $0.isFull }) { sum = sum.addingReportingOverflow(offered).partialValue }
    }
    total.bytes = sum
    let isFull = sum > room || lock.missingSpace > 0
    budget.withLock { $0.isFull = isFull }
  }
}

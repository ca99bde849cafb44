import Glibc
import Posix

extension ObjectCache {
  /// The file of an object.
  struct File {
    let name: Name
    /// On disk: the file has holes.
    let bytes: UInt64
    /// When it was opened or written to last, in nanoseconds since 1970.
    let lastUse: Int64
  }

  /// All objects.
  ///
  /// - Returns: `nil` if this process may not look at them any more.
  func files() -> [File]? {
    guard let names = try? folder.names() else { return nil }
    var files: [File] = []
    for name in names where CacheHeader.isName(name.bytes) {
      guard let status = stat(name.bytes, in: folder.descriptor) else {
        guard errno == ENOENT else { return nil }
        continue
      }
      guard status.isRegular else { continue }
      // Blocks of stat(2) have 512 bytes on all file systems.
      files.append(
        File(
          name: name, bytes: UInt64(max(0, status.st_blocks)) << 9, lastUse: status.modified))
    }
    return files
  }

  /// Removes objects, those not used for longest first, but none that a process has open.
  ///
  /// - Parameter wanted: the bytes to free.
  /// - Returns: those freed; fewer if there are no more.
  func remove(_ files: [File], _ wanted: UInt64) -> UInt64 {
    var freed: UInt64 = 0
    for file in files.sorted(by: { $0.lastUse < $1.lastUse }) where freed < wanted {
      guard
        let opened = Descriptor(
          opening: file.name.bytes, O_RDWR | O_NOFOLLOW | O_NONBLOCK, in: folder.descriptor),
        flock(opened.number, LOCK_EX | LOCK_NB) == 0, (try? folder.remove(file.name)) != nil
      else { continue }
      freed += file.bytes
    }
    return freed
  }
}

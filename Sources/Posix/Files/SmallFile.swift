import Glibc

/// Files read and written whole: settings, lists, files in /proc.
public enum SmallFile {
  /// All bytes of the file at a path.
  ///
  /// - Parameter limit: the maximum size in bytes; `EFBIG` if the file is larger.
  /// - Throws: `SystemError` if it cannot be read; `EINVAL` if it is not a regular file.
  public static func read(_ path: HostPath, limit: Int) throws(SystemError) -> [UInt8] {
    try read(Descriptor(opening: path.bytes, readingFlags), path, limit: limit)
  }

  /// All bytes of a file in an open folder.
  ///
  /// - Parameters:
  ///   - limit: the maximum size in bytes; `EFBIG` if the file is larger.
  ///   - followsLinks: whether the file may be a symbolic link.
  /// - Throws: `SystemError` if it cannot be read; `EINVAL` if it is not a regular file.
  public static func read(
    _ name: Name, in folder: Folder, limit: Int, followsLinks: Bool = true
  ) throws(SystemError) -> [UInt8] {
    let flags = readingFlags | (followsLinks ? 0 : O_NOFOLLOW)
    return try read(
      Descriptor(opening: name.bytes, flags, in: folder.descriptor), folder.path(of: name),
      limit: limit)
  }

  private static let readingFlags = O_RDONLY | O_NOCTTY | O_NONBLOCK

  private static func read(
    _ file: consuming Descriptor?, _ path: HostPath, limit: Int
  ) throws(SystemError) -> [UInt8] {
    guard let file = consume file else { throw SystemError("open", path: path) }
    guard let status = stat(of: file.number) else { throw SystemError("examine", path: path) }
    guard status.isRegular else { throw SystemError("read", path: path, code: EINVAL) }
    guard status.st_size <= limit else { throw SystemError("read", path: path, code: EFBIG) }
    let size = Int(status.st_size)
    var bytes: [UInt8] = []
    // Files in /proc claim to be empty.
    var capacity = max(4096, size)
    while true {
      var failure: Int32 = 0
      let more = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        count = retryingInterrupts {
          Glibc.read(file.number, buffer.baseAddress!, buffer.count)
        }
        if count < 0 {
          failure = errno
          count = 0
        }
      }
      guard failure == 0 else { throw SystemError("read", path: path, code: failure) }
      bytes = bytes.isEmpty ? more : bytes + more
      guard bytes.count <= limit else { throw SystemError("read", path: path, code: EFBIG) }
      if more.isEmpty || (size > 0 && bytes.count >= size) { return bytes }
      capacity = max(4096, bytes.count)
    }
  }

  /// Creates or replaces a file atomically: readers see either the old one or the new one.
  ///
  /// - Parameter mode: its permissions; the umask does not apply.
  public static func write(
    _ bytes: [UInt8], to path: HostPath, mode: UInt32
  ) throws(SystemError) {
    try write(bytes, to: AtomicFile(path: path, replacing: true), path, mode)
  }

  /// Creates or replaces a file in an open folder atomically.
  public static func write(
    _ bytes: [UInt8], to name: Name, in folder: Folder, mode: UInt32
  ) throws(SystemError) {
    try write(bytes, to: AtomicFile(name, in: folder, replacing: true), folder.path(of: name), mode)
  }

  private static func write(
    _ bytes: [UInt8], to file: AtomicFile, _ path: HostPath, _ mode: UInt32
  ) throws(SystemError) {
    guard writeFully(file.descriptor, bytes), fchmod(file.descriptor, mode) == 0 else {
      throw SystemError("write", path: path)
    }
    try file.publish()
  }
}

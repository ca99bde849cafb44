internal import Glibc

/// Files that are read and written whole: settings, lists, what the kernel tells in /proc.
public enum SmallFile {
  /// All bytes of a file.
  ///
  /// - Parameters:
  ///   - folder: the open folder that `path` starts from, where it is relative.
  ///   - limit: the most bytes there may be; `EFBIG` when there are more.
  ///   - followsLinks: whether the file may be a symbolic link.
  /// - Throws: `SystemError` when it cannot be read; with `EINVAL` when it is no regular file.
  public static func read(
    _ path: [UInt8], in folder: Folder? = nil, limit: Int, followsLinks: Bool = true
  ) throws(SystemError) -> [UInt8] {
    let flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW)
    let descriptor = path.withCPath { openat(folder?.descriptor ?? AT_FDCWD, $0, flags) }
    let path = folder?.path(of: path) ?? path
    guard descriptor >= 0 else { throw SystemError("open", path: path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError("examine", path: path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SystemError("read", path: path, code: EINVAL)
    }
    guard status.st_size <= limit else { throw SystemError("read", path: path, code: EFBIG) }
    var bytes: [UInt8] = []
    // Files of /proc say that they are empty.
    var capacity = max(4096, Int(status.st_size))
    while true {
      var failure: Int32 = 0
      let more = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        count = retryingInterrupts { Glibc.read(descriptor, buffer.baseAddress!, buffer.count) }
        if count < 0 {
          failure = errno
          count = 0
        }
      }
      guard failure == 0 else { throw SystemError("read", path: path, code: failure) }
      bytes = bytes.isEmpty ? more : bytes + more
      guard bytes.count <= limit else { throw SystemError("read", path: path, code: EFBIG) }
      if more.isEmpty || (status.st_size > 0 && bytes.count >= Int(status.st_size)) { return bytes }
      capacity = max(4096, bytes.count)
    }
  }

  /// Puts a file in place, or another instead of it: who looks sees the one or the other.
  ///
  /// - Parameters:
  ///   - folder: the open folder that `path` starts from, where it is relative.
  ///   - mode: its permissions, whatever the umask.
  public static func write(
    _ bytes: [UInt8], to path: [UInt8], in folder: Folder? = nil, mode: UInt32
  ) throws(SystemError) {
    let file = try AtomicFile(path: path, in: folder, replacing: true)
    let path = folder?.path(of: path) ?? path
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { bytes in
        retryingInterrupts {
          Glibc.write(file.descriptor, bytes.baseAddress! + done, bytes.count - done)
        }
      }
      guard count > 0 else { throw SystemError("write", path: path) }
      done += count
    }
    guard fchmod(file.descriptor, mode) == 0 else { throw SystemError("write", path: path) }
    try file.publish()
  }
}

internal import Glibc
internal import Posix

/// An open directory that closes with its last owner.
final class TargetFolder {
  let descriptor: Int32
  /// Its owner, permissions and identity.
  let status: stat

  init(_ descriptor: Int32) throws(SystemError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = SystemError("examine")
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.status = status
  }

  deinit { close(descriptor) }

  /// Whether it is the file that another look has found.
  func isSame(as other: stat) -> Bool {
    status.st_dev == other.st_dev && status.st_ino == other.st_ino
  }

  /// What is at a name, links not followed; `nil` where there is nothing.
  func look(_ name: [UInt8]) throws(SystemError) -> stat? {
    var status = stat()
    if name.withCPath({ fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 {
      return status
    }
    if errno == ENOENT { return nil }
    throw SystemError("examine", path: name)
  }

  /// Where a symbolic link points to.
  func target(of name: [UInt8]) -> [UInt8]? {
    let buffer = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
      count = max(
        0, name.withCPath { readlinkat(descriptor, $0, buffer.baseAddress!, buffer.count) })
    }
    return buffer.isEmpty ? nil : buffer
  }

  /// The names in it.
  func names() throws(SystemError) -> [[UInt8]] {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else {
      let error = SystemError("list")
      if copy >= 0 { close(copy) }
      throw error
    }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw SystemError("list") }
        return names
      }
      if !entry.pointee.name.isDots { names.append(entry.pointee.name) }
    }
  }
}

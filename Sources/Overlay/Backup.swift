internal import Glibc
internal import Posix

/// A folder that keeps files which links replace.
struct Backup {
  private let path: [UInt8]

  init(_ path: [UInt8]) throws(SystemError) {
    self.path = path
    guard path.withCPath({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
      throw SystemError("make the folder", path: path)
    }
  }

  /// Keeps a file: the same one under another name where that can be, else a copy.
  ///
  /// - Parameters:
  ///   - status: what the file was when it was looked at.
  ///   - place: the path below the root of the tree, and so below the backup.
  func keep(
    _ name: [UInt8], _ status: stat, in folder: TargetFolder, at place: [UInt8]
  ) throws(SystemError) {
    let file = name.withCPath {
      openat(folder.descriptor, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    guard file >= 0 else { throw SystemError("open it for the backup", path: place) }
    defer { close(file) }
    var now = stat()
    guard fstat(file, &now) == 0, now.st_ino == status.st_ino, now.st_dev == status.st_dev else {
      throw SystemError("keep it, as it is changing", path: place, code: EBUSY)
    }
    try makeFolders(place)
    let target = path.appending(place)
    let linked = Array("/proc/self/fd/\(file)".utf8).withCPath { source in
      target.withCPath { linkat(AT_FDCWD, source, AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
    }
    if linked == 0 { return }
    // What is there is not replaced; on another file system, or where /proc is not, a copy is made.
    if errno == EEXIST { throw SystemError("keep it in the backup", path: target) }
    try copy(file, now, to: target)
  }

  private func makeFolders(_ place: [UInt8]) throws(SystemError) {
    var folder = path
    for part in place.cut.parent.split(separator: UInt8(ascii: "/")) {
      folder = folder.appending(Array(part))
      guard folder.withCPath({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
        throw SystemError("make the folder", path: folder)
      }
    }
  }

  private func copy(_ file: Int32, _ status: stat, to target: [UInt8]) throws(SystemError) {
    let copy = try AtomicFile(path: target, replacing: false)
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = buffer.withUnsafeMutableBytes { buffer in
        retryingInterrupts { read(file, buffer.baseAddress!, buffer.count) }
      }
      guard count >= 0 else { throw SystemError("read it for the backup", path: target) }
      if count == 0 { break }
      var done = 0
      while done < count {
        let written = buffer.withUnsafeBytes { buffer in
          retryingInterrupts {
            write(copy.descriptor, buffer.baseAddress! + done, count - done)
          }
        }
        guard written > 0 else { throw SystemError("write", path: target) }
        done += written
      }
    }
    // Who is not root keeps what may be kept.
    _ = fchown(copy.descriptor, status.st_uid, status.st_gid)
    fchmod(copy.descriptor, status.st_mode & 0o7777)
    var times = [status.st_atim, status.st_mtim]
    futimens(copy.descriptor, &times)
    try copy.publish()
  }
}

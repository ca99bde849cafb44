internal import CLinux
internal import Glibc
internal import Posix

/// A folder that keeps files which links replace; nobody else may write in it.
struct Backup {
  private let folder: Folder
  private let path: [UInt8]

  init(_ path: [UInt8]) throws(SystemError) {
    self.path = path
    guard path.withCPath({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
      throw SystemError("make the folder", path: path)
    }
    let opened = path.withCPath { Glibc.open($0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
    guard opened >= 0 else { throw SystemError("open", path: path) }
    folder = try Folder(opened)
    guard folder.status.st_uid == geteuid(), folder.status.st_mode & 0o022 == 0 else {
      throw SystemError("keep files in a folder that others can change", path: path, code: EPERM)
    }
  }

  /// Keeps a file: the same one under another name where that can be, else a copy.
  ///
  /// - Parameters:
  ///   - status: what the file was when it was looked at.
  ///   - place: the path below the root of the tree, and so below the backup.
  func keep(
    _ name: [UInt8], _ status: stat, in source: Folder, at place: [UInt8]
  ) throws(SystemError) {
    let file = name.withCPath {
      openat(source.descriptor, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    guard file >= 0 else { throw SystemError("open it for the backup", path: place) }
    defer { close(file) }
    try checkUnchanged(file, status, place)
    let target = try open(place.cut.parent)
    guard !target.isSame(as: source.status) else {
      throw SystemError(
        "keep it where it is: the backup is the tree itself", path: place, code: EINVAL)
    }
    let linked = Array("/proc/self/fd/\(file)".utf8).withCPath { source in
      name.withCPath {
        linkat(AT_FDCWD, source, target.descriptor, $0, AT_SYMLINK_FOLLOW)
      }
    }
    if linked == 0 { return }
    if errno == EEXIST {
      // A run that was killed may have kept it already, as it is or as a copy.
      guard let kept = try target.look(name), try isSame(kept, status, name, target, file) else {
        throw SystemError(
          "keep it in the backup", path: path.appending(place), code: EEXIST)
      }
      return
    }
    // Another file system, or one without /proc.
    try copy(file, status, name, to: target, place)
  }

  /// Whether what is kept under a name is the file itself, or a copy of it: times and sizes are the
  /// same for many a file, so that a copy's bytes are compared.
  private func isSame(
    _ kept: stat, _ status: stat, _ name: [UInt8], _ target: Folder, _ file: Int32
  ) throws(SystemError) -> Bool {
    if kept.st_ino == status.st_ino && kept.st_dev == status.st_dev { return true }
    guard
      kept.st_mode == status.st_mode && kept.st_size == status.st_size
        && kept.st_uid == status.st_uid && kept.st_gid == status.st_gid
        && kept.st_mtim.tv_sec == status.st_mtim.tv_sec
        && kept.st_mtim.tv_nsec == status.st_mtim.tv_nsec
    else { return false }
    let copy = name.withCPath { openat(target.descriptor, $0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) }
    guard copy >= 0 else { throw SystemError("open", path: path.appending(name)) }
    defer { close(copy) }
    var buffers = ([UInt8](repeating: 0, count: 1 << 18), [UInt8](repeating: 0, count: 1 << 18))
    var offset: off_t = 0
    while offset < status.st_size {
      let count = try Self.read(file, at: offset, into: &buffers.0)
      guard count > 0, try Self.read(copy, at: offset, into: &buffers.1) == count,
        buffers.0[..<count] == buffers.1[..<count]
      else { return false }
      offset += off_t(count)
    }
    return true
  }

  /// Fills a buffer from a place in a file, as far as there is something.
  private static func read(
    _ file: Int32, at offset: off_t, into buffer: inout [UInt8]
  ) throws(SystemError) -> Int {
    var done = 0
    while done < buffer.count {
      let count = buffer.withUnsafeMutableBytes { buffer in
        retryingInterrupts {
          pread(file, buffer.baseAddress! + done, buffer.count - done, offset + off_t(done))
        }
      }
      guard count >= 0 else { throw SystemError("read it for the backup") }
      if count == 0 { break }
      done += count
    }
    return done
  }

  private func checkUnchanged(
    _ file: Int32, _ status: stat, _ place: [UInt8]
  ) throws(SystemError) {
    var now = stat()
    guard fstat(file, &now) == 0, now.st_dev == status.st_dev, now.st_ino == status.st_ino,
      now.st_size == status.st_size, now.st_mtim.tv_sec == status.st_mtim.tv_sec,
      now.st_mtim.tv_nsec == status.st_mtim.tv_nsec
    else { throw SystemError("keep it, as it is changing", path: place, code: EBUSY) }
  }

  /// A directory of the backup, made where it is missing.
  private func open(_ path: [UInt8]) throws(SystemError) -> Folder {
    var current = folder
    for part in path.split(separator: UInt8(ascii: "/")) {
      let name = Array(part)
      guard name.withCPath({ mkdirat(current.descriptor, $0, 0o700) }) == 0 || errno == EEXIST
      else {
        throw SystemError("make a folder of the backup", path: path)
      }
      let opened = name.withCPath {
        openat(current.descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      guard opened >= 0 else { throw SystemError("open a folder of the backup", path: path) }
      current = try Folder(opened)
    }
    return current
  }

  private func copy(
    _ file: Int32, _ status: stat, _ name: [UInt8], to target: Folder, _ place: [UInt8]
  ) throws(SystemError) {
    let copy = try AtomicFile(path: name, in: target, replacing: false)
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    // No more than was seen: somebody may go on writing.
    var left = Int(status.st_size)
    while left > 0 {
      let count = buffer.withUnsafeMutableBytes { buffer in
        retryingInterrupts { Glibc.read(file, buffer.baseAddress!, min(left, buffer.count)) }
      }
      guard count > 0 else { throw SystemError("read it for the backup", path: place) }
      var done = 0
      if buffer[..<count].allSatisfy({ $0 == 0 }) {
        // A hole stays one.
        lseek(copy.descriptor, off_t(count), SEEK_CUR)
        done = count
      }
      while done < count {
        let written = buffer.withUnsafeBytes { buffer in
          retryingInterrupts {
            write(copy.descriptor, buffer.baseAddress! + done, count - done)
          }
        }
        guard written > 0 else { throw SystemError("write the backup", path: place) }
        done += written
      }
      left -= count
    }
    guard ftruncate(copy.descriptor, status.st_size) == 0 else {
      throw SystemError("write the backup", path: place)
    }
    try checkUnchanged(file, status, place)
    // Who is not root keeps what may be kept.
    _ = fchown(copy.descriptor, status.st_uid, status.st_gid)
    // After the owner, whose change takes capabilities away.
    try copyAttributes(from: file, to: copy.descriptor, place)
    fchmod(copy.descriptor, status.st_mode & 0o7777)
    var times = [status.st_atim, status.st_mtim]
    futimens(copy.descriptor, &times)
    try copy.publish()
  }

  /// Copies the extended attributes, ACLs among them, as far as the other file system knows such.
  private func copyAttributes(
    from file: Int32, to copy: Int32, _ place: [UInt8]
  ) throws(SystemError) {
    var names = [CChar](repeating: 0, count: 65_536)
    let listed = flistxattr(file, &names, names.count)
    guard listed > 0 else { return }
    var value = [UInt8](repeating: 0, count: 65_536)
    for name in names[..<listed].split(separator: 0) {
      let name = Array(name) + [0]
      let count = fgetxattr(file, name, &value, value.count)
      guard count >= 0 else { continue }
      if fsetxattr(copy, name, value, count, 0) != 0, errno != ENOTSUP, errno != EPERM {
        throw SystemError("keep its extended attributes", path: place)
      }
    }
  }
}

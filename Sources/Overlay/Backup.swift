import CLinux
import Glibc
import Posix

/// A folder for the files that links replace; nobody else may write in it.
struct Backup {
  private let folder: Folder
  private let path: HostPath

  init(_ path: HostPath) throws(SystemError) {
    self.path = path
    guard path.withCPath({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
      throw SystemError("make the folder", path: path)
    }
    folder = try Folder(
      Descriptor(opening: path.bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path: path)
    guard folder.status.st_uid == geteuid(), folder.status.st_mode & 0o022 == 0 else {
      throw SystemError("keep files in a folder that others can change", path: path, code: EPERM)
    }
  }

  /// Keeps a file: the same one under another name if possible, otherwise a copy.
  ///
  /// - Parameters:
  ///   - status: the file's status when it was checked.
  ///   - place: the path below the root of the tree, and so below the backup.
  func keep(
    _ name: Name, _ status: stat, in source: Folder, at place: RelativePath
  ) throws(SystemError) {
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
    guard let opened = Descriptor(opening: name.bytes, flags, in: source.descriptor) else {
      throw SystemError("open it for the backup", path: place)
    }
    let file = opened.number
    try checkUnchanged(file, status, place)
    let target = try open(place.parent)
    guard !target.isSame(as: source.status) else {
      throw SystemError(
        "back it up: the backup is the tree itself", path: place, code: EINVAL)
    }
    let linked = Array("/proc/self/fd/\(file)".utf8).withCPath { source in
      name.withCPath {
        linkat(AT_FDCWD, source, target.descriptor, $0, AT_SYMLINK_FOLLOW)
      }
    }
    if linked == 0 { return }
    if errno == EEXIST {
      // A killed run may have kept it already, itself or as a copy.
      guard let kept = try target.look(name), try isSame(kept, status, name, target, file) else {
        throw SystemError(
          "keep it in the backup", path: path.appending(place), code: EEXIST)
      }
      return
    }
    // Another file system, or no /proc.
    try copy(file, status, name, to: target, place)
  }

  /// Whether the kept file is the file itself or a copy. Many files share times and sizes, so the
  /// bytes of a copy are compared.
  private func isSame(
    _ kept: stat, _ status: stat, _ name: Name, _ target: Folder, _ file: Int32
  ) throws(SystemError) -> Bool {
    if kept.identity == status.identity { return true }
    guard
      kept.st_mode == status.st_mode && kept.st_size == status.st_size
        && kept.st_uid == status.st_uid && kept.st_gid == status.st_gid
        && kept.modified == status.modified
    else { return false }
    guard
      let copy = Descriptor(opening: name.bytes, O_RDONLY | O_NOFOLLOW, in: target.descriptor)
    else { throw SystemError("open", path: path.appending(name)) }
    var buffers = ([UInt8](repeating: 0, count: 1 << 18), [UInt8](repeating: 0, count: 1 << 18))
    var offset: off_t = 0
    while offset < status.st_size {
      let count = try Self.read(file, at: offset, into: &buffers.0)
      guard count > 0, try Self.read(copy.number, at: offset, into: &buffers.1) == count,
        buffers.0[..<count] == buffers.1[..<count]
      else { return false }
      offset += off_t(count)
    }
    return true
  }

  /// Fills a buffer from an offset in a file, up to its end.
  private static func read(
    _ file: Int32, at offset: off_t, into buffer: inout [UInt8]
  ) throws(SystemError) -> Int {
    let count = buffer.withUnsafeMutableBytes {
      readFully(file, into: $0, at: UInt64(offset))
    }
    guard count >= 0 else { throw SystemError("read it for the backup") }
    return count
  }

  private func checkUnchanged(
    _ file: Int32, _ status: stat, _ place: RelativePath
  ) throws(SystemError) {
    guard let now = stat(of: file), now.identity == status.identity, now.size == status.size,
      now.modified == status.modified
    else { throw SystemError("back it up while it is changing", path: place, code: EBUSY) }
  }

  /// Opens a directory of the backup, creating it if missing.
  private func open(_ path: RelativePath) throws(SystemError) -> Folder {
    var current = folder
    for name in path.names {
      guard name.withCPath({ mkdirat(current.descriptor, $0, 0o700) }) == 0 || errno == EEXIST
      else { throw SystemError("make a folder of the backup", path: path) }
      let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
      guard let opened = Descriptor(opening: name.bytes, flags, in: current.descriptor) else {
        throw SystemError("open a folder of the backup", path: path)
      }
      current = try Folder(opened, path: current.path(of: name))
    }
    return current
  }

  private func copy(
    _ file: Int32, _ status: stat, _ name: Name, to target: Folder, _ place: RelativePath
  ) throws(SystemError) {
    let copy = try AtomicFile(name, in: target, replacing: false)
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    // No more than the checked size: somebody may keep on writing.
    var left = Int(status.st_size)
    while left > 0 {
      let count = buffer.withUnsafeMutableBytes { buffer in
        retryingInterrupts { Glibc.read(file, buffer.baseAddress!, min(left, buffer.count)) }
      }
      guard count > 0 else { throw SystemError("read it for the backup", path: place) }
      if buffer[..<count].allSatisfy({ $0 == 0 }) {
        // Preserve holes.
        lseek(copy.descriptor, off_t(count), SEEK_CUR)
      } else if !buffer.withUnsafeBytes({
        writeFully(copy.descriptor, UnsafeRawBufferPointer(rebasing: $0[..<count]))
      }) {
        throw SystemError("write the backup", path: place)
      }
      left -= count
    }
    guard ftruncate(copy.descriptor, status.st_size) == 0 else {
      throw SystemError("write the backup", path: place)
    }
    try checkUnchanged(file, status, place)
    // Without root, keep what we may.
    _ = fchown(copy.descriptor, status.st_uid, status.st_gid)
    // After the owner, since changing that drops capabilities.
    try copyAttributes(from: file, to: copy.descriptor, place)
    fchmod(copy.descriptor, status.st_mode & 0o7777)
    var times = [status.st_atim, status.st_mtim]
    futimens(copy.descriptor, &times)
    try copy.publish()
  }

  /// Copies the extended attributes, including ACLs, that the other file system supports.
  private func copyAttributes(
    from file: Int32, to copy: Int32, _ place: RelativePath
  ) throws(SystemError) {
    var names = [CChar](repeating: 0, count: LinuxLimits.longestXattrList)
    let listed = flistxattr(file, &names, names.count)
    guard listed > 0 else { return }
    var value = [UInt8](repeating: 0, count: LinuxLimits.longestXattrValue)
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

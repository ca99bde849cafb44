public import Glibc

/// An open directory, which closes with its last owner.
///
/// What is done to a name in it is done in this very directory, whatever its path leads to by then,
/// and never by way of a symbolic link.
public final class Folder {
  /// For the system calls that begin with a directory.
  public let descriptor: Int32
  /// Its owner, permissions and identity when it was opened.
  public let status: stat
  /// What it is called in messages.
  public let path: [UInt8]

  /// Takes over a descriptor.
  public init(_ descriptor: Int32, path: [UInt8] = []) throws(SystemError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = SystemError("examine", path: path)
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.status = status
    self.path = path
  }

  /// Opens the directory that a path leads to, links followed.
  public convenience init(at path: [UInt8]) throws(SystemError) {
    let opened = path.withCPath { Glibc.open($0, O_PATH | O_DIRECTORY | O_CLOEXEC) }
    guard opened >= 0 else { throw SystemError("open", path: path) }
    try self.init(opened, path: path)
  }

  deinit { close(descriptor) }

  /// What a name in it is called in messages.
  public func path(of name: [UInt8]) -> [UInt8] {
    if path.isEmpty { return name }
    return path.last == UInt8(ascii: "/") ? path + name : path + [UInt8(ascii: "/")] + name
  }

  /// Whether it is the file that another look has found.
  public func isSame(as other: stat) -> Bool {
    status.st_dev == other.st_dev && status.st_ino == other.st_ino
  }

  /// What is at a name, links not followed; `nil` where there is nothing.
  public func look(_ name: [UInt8]) throws(SystemError) -> stat? {
    var status = stat()
    if name.withCPath({ fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 {
      return status
    }
    if errno == ENOENT { return nil }
    throw SystemError("examine", path: path(of: name))
  }

  /// Where a symbolic link points to; `nil` for what is none.
  public func target(of name: [UInt8]) -> [UInt8]? {
    let buffer = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
      count = max(
        0, name.withCPath { readlinkat(descriptor, $0, buffer.baseAddress!, buffer.count) })
    }
    return buffer.isEmpty ? nil : buffer
  }

  /// The names in it.
  public func names() throws(SystemError) -> [[UInt8]] {
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else {
      let error = SystemError("list", path: path)
      if copy >= 0 { close(copy) }
      throw error
    }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw SystemError("list", path: path) }
        return names
      }
      let name = entry.pointee.name
      if !name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8) { names.append(name) }
    }
  }

  /// Opens a directory in it.
  ///
  /// - Parameters:
  ///   - name: one name, and neither `.` nor `..`.
  ///   - followsLinks: whether it may be a symbolic link to one.
  /// - Throws: `SystemError`; with `ELOOP` for a link that may not be followed.
  public func open(_ name: [UInt8], followsLinks: Bool = false) throws(SystemError) -> Folder {
    let flags = O_PATH | O_DIRECTORY | O_CLOEXEC | (followsLinks ? 0 : O_NOFOLLOW)
    let opened = name.withCPath { openat(descriptor, $0, flags) }
    guard opened >= 0 else {
      let code = errno
      let isLink = code == ENOTDIR && (try? look(name))??.isLink == true
      throw SystemError("open", path: path(of: name), code: isLink ? ELOOP : code)
    }
    return try Folder(opened, path: path(of: name))
  }

  /// Makes a directory in it, which everybody may enter and only its owner change; one that is there
  /// is none of this call's business.
  public func makeFolder(_ name: [UInt8]) throws(SystemError) {
    guard name.withCPath({ mkdirat(descriptor, $0, 0o755) }) == 0 else {
      if errno == EEXIST { return }
      throw SystemError("make the folder", path: path(of: name))
    }
    // Whatever the umask. Where others can write, something else may be there by now: what holds
    // nothing hides nothing.
    let made = name.withCPath {
      openat(descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    guard made >= 0, let folder = try? Folder(made), folder.status.st_uid == geteuid(),
      (try? folder.names())?.isEmpty == true
    else { return }
    fchmod(made, 0o755)
  }

  /// Removes a name that is no directory's.
  public func remove(_ name: [UInt8]) throws(SystemError) {
    guard name.withCPath({ unlinkat(descriptor, $0, 0) }) == 0 else {
      throw SystemError("remove", path: path(of: name))
    }
  }
}

extension stat {
  /// Whether it is a symbolic link's.
  public var isLink: Bool { st_mode & S_IFMT == S_IFLNK }
}

public import Glibc

/// An open directory, which closes with its last owner.
///
/// What is done to a name in it is done in this very directory, whatever its path leads to by then,
/// and never by way of a symbolic link.
public final class Folder {
  /// For the system calls that begin with a directory.
  public var descriptor: Int32 { opened.number }
  private let opened: Descriptor
  /// Its owner, permissions and identity when it was opened.
  public let status: stat
  /// What it is called in messages.
  public let path: HostPath

  /// Takes over an open directory.
  ///
  /// - Throws: `SystemError`, also where there is none: `errno` then says why.
  public init(_ opened: consuming Descriptor?, path: HostPath = "") throws(SystemError) {
    guard let opened = consume opened else { throw SystemError("open", path: path) }
    guard let status = stat(of: opened.number) else { throw SystemError("examine", path: path) }
    self.opened = opened
    self.status = status
    self.path = path
  }

  /// Opens the directory that a path leads to, links followed.
  public convenience init(at path: HostPath) throws(SystemError) {
    try self.init(Descriptor(opening: path.bytes, O_PATH | O_DIRECTORY), path: path)
  }

  /// What a name in it is called in messages.
  public func path(of name: Name) -> HostPath { path.appending(name) }

  /// Whether it is the file that another look has found.
  public func isSame(as other: stat) -> Bool { status.identity == other.identity }

  /// What is at a name, links not followed; `nil` where there is nothing.
  public func look(_ name: Name) throws(SystemError) -> stat? {
    if let status = stat(name.bytes, in: descriptor) { return status }
    if errno == ENOENT { return nil }
    throw SystemError("examine", path: path(of: name))
  }

  /// Where a symbolic link points to; `nil` for what is none.
  public func target(of name: Name) -> [UInt8]? { readLink(name.bytes, in: descriptor) }

  /// The entries of it.
  public func entries() throws(SystemError) -> DirectoryStream {
    try DirectoryStream(
      Descriptor(opening: Name.current.bytes, O_RDONLY | O_DIRECTORY, in: descriptor),
      path: path.bytes)
  }

  /// The names in it.
  public func names() throws(SystemError) -> [Name] {
    var entries = try entries()
    var names: [Name] = []
    while let entry = try entries.next() { names.append(entry.name) }
    return names
  }

  /// Opens a directory in it.
  ///
  /// - Parameters:
  ///   - name: neither `.` nor `..`.
  ///   - followsLinks: whether it may be a symbolic link to one.
  /// - Throws: `SystemError`; with `ELOOP` for a link that may not be followed.
  public func open(_ name: Name, followsLinks: Bool = false) throws(SystemError) -> Folder {
    let flags = O_PATH | O_DIRECTORY | (followsLinks ? 0 : O_NOFOLLOW)
    let opened = Descriptor(opening: name.bytes, flags, in: descriptor)
    let code = errno
    if opened == nil, code == ENOTDIR, (try? look(name))??.isLink == true {
      throw SystemError("open", path: path(of: name), code: ELOOP)
    }
    errno = code
    return try Folder(opened, path: path(of: name))
  }

  /// Makes a directory in it, which everybody may enter and only its owner change; one that is there
  /// is none of this call's business.
  public func makeFolder(_ name: Name) throws(SystemError) {
    guard name.withCPath({ mkdirat(descriptor, $0, 0o755) }) == 0 else {
      if errno == EEXIST { return }
      throw SystemError("make the folder", path: path(of: name))
    }
    // Whatever the umask. Where others can write, something else may be there by now: what holds
    // nothing hides nothing.
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
    guard let made = try? Folder(Descriptor(opening: name.bytes, flags, in: descriptor)),
      made.status.st_uid == geteuid(), (try? made.names())?.isEmpty == true
    else { return }
    fchmod(made.descriptor, 0o755)
  }

  /// Removes a name that is no directory's.
  public func remove(_ name: Name) throws(SystemError) {
    guard name.withCPath({ unlinkat(descriptor, $0, 0) }) == 0 else {
      throw SystemError("remove", path: path(of: name))
    }
  }

  /// Removes a directory in it that holds nothing.
  ///
  /// - Returns: whether it could be removed; else `errno` says why not.
  @discardableResult
  public func removeFolder(_ name: Name) -> Bool {
    name.withCPath { unlinkat(descriptor, $0, AT_REMOVEDIR) } == 0
  }
}

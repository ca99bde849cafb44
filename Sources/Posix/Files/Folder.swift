public import Glibc

/// An open directory that closes with its last owner.
///
/// Operations on a name in it act on this very directory, wherever its path leads by then, and
/// never follow a symbolic link.
public final class Folder {
  /// For system calls that take a directory first.
  public var descriptor: Int32 { opened.number }
  private let opened: Descriptor
  /// Its owner, permissions and identity when opened.
  public let status: stat
  /// The name for messages.
  public let path: HostPath

  /// Takes over an open directory.
  ///
  /// - Throws: `SystemError`, also if there is none: `errno` then says why.
  public init(_ opened: consuming Descriptor?, path: HostPath = "") throws(SystemError) {
    guard let opened = consume opened else { throw SystemError("open", path: path) }
    guard let status = stat(of: opened.number) else { throw SystemError("examine", path: path) }
    self.opened = opened
    self.status = status
    self.path = path
  }

  /// Opens the directory at a path, following links.
  public convenience init(at path: HostPath) throws(SystemError) {
    try self.init(Descriptor(opening: path.bytes, O_PATH | O_DIRECTORY), path: path)
  }

  /// The path of an entry, for messages.
  public func path(of name: Name) -> HostPath { path.appending(name) }

  /// Whether it is the file with this status.
  public func isSame(as other: stat) -> Bool { status.identity == other.identity }

  /// The status of an entry, not following links; `nil` if there is none.
  public func look(_ name: Name) throws(SystemError) -> stat? {
    if let status = stat(name.bytes, in: descriptor) { return status }
    if errno == ENOENT { return nil }
    throw SystemError("examine", path: path(of: name))
  }

  /// The target of a symbolic link; `nil` if the entry is not one.
  public func target(of name: Name) -> [UInt8]? { readLink(name.bytes, in: descriptor) }

  /// Its entries.
  public func entries() throws(SystemError) -> DirectoryStream {
    try DirectoryStream(
      Descriptor(opening: Name.current.bytes, O_RDONLY | O_DIRECTORY, in: descriptor),
      path: path.bytes)
  }

  /// Its names.
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
  ///   - followsLinks: whether it may be a symbolic link to a directory.
  /// - Throws: `SystemError`; `ELOOP` for a link that must not be followed.
  public func open(_ name: Name, followsLinks: Bool = false) throws(SystemError) -> Folder {
    let flags = O_PATH | O_DIRECTORY | (followsLinks ? 0 : O_NOFOLLOW)
    guard let opened = Descriptor(opening: name.bytes, flags, in: descriptor) else {
      let code = errno
      let isLink = code == ENOTDIR && (try? look(name))??.isLink == true
      throw SystemError("open", path: path(of: name), code: isLink ? ELOOP : code)
    }
    return try Folder(opened, path: path(of: name))
  }

  /// Makes a directory in it that everybody may enter and only its owner may change; leaves an
  /// existing one alone.
  public func makeFolder(_ name: Name) throws(SystemError) {
    guard name.withCPath({ mkdirat(descriptor, $0, 0o755) }) == 0 else {
      if errno == EEXIST { return }
      throw SystemError("make the folder", path: path(of: name))
    }
    // Ignore the umask. Where others can write, the name may already lead elsewhere: an empty
    // directory hides nothing.
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
    guard let made = try? Folder(Descriptor(opening: name.bytes, flags, in: descriptor)),
      made.status.st_uid == geteuid(), (try? made.names())?.isEmpty == true
    else { return }
    fchmod(made.descriptor, 0o755)
  }

  /// Removes an entry that is not a directory.
  public func remove(_ name: Name) throws(SystemError) {
    guard name.withCPath({ unlinkat(descriptor, $0, 0) }) == 0 else {
      throw SystemError("remove", path: path(of: name))
    }
  }

  /// Removes an empty directory in it.
  ///
  /// - Returns: whether it succeeded; if not, `errno` says why.
  @discardableResult
  public func removeFolder(_ name: Name) -> Bool {
    name.withCPath { unlinkat(descriptor, $0, AT_REMOVEDIR) } == 0
  }
}

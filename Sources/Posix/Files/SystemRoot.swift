public import Glibc

/// The root of a system to install files in: the running one, or another below a directory, such
/// as a machine image's.
///
/// In the running system, paths mean what they always do. Another system's owner may redirect
/// its paths out of it at any moment. Therefore its directory is opened once, and everything
/// below is reached from there one name at a time, through no symbolic link.
public struct SystemRoot {
  private let top: Folder
  /// Whether it is the running system's root.
  public let isRunning: Bool

  /// The root of the running system.
  public static func running() throws(SystemError) -> SystemRoot {
    SystemRoot(top: try Folder(at: .root), isRunning: true)
  }

  /// The root below a directory, unless that is the running system's own.
  ///
  /// - Parameter path: the directory; links in it are followed.
  public init(below path: HostPath) throws(SystemError) {
    let tidy = path.isEmpty ? .root : HostPath(Array(path.bytes.withoutTrailingSlashes))
    top = try Folder(at: tidy)
    isRunning = tidy == .root
  }

  private init(top: Folder, isRunning: Bool) {
    self.top = top
    self.isRunning = isRunning
  }

  /// A path of the system in the form for messages.
  public func place(_ path: HostPath) -> HostPath {
    isRunning ? path : HostPath(top.path.bytes + path.bytes)
  }

  /// Opens a directory.
  ///
  /// - Parameters:
  ///   - path: absolute, as the system's own processes see it, without `.` and `..`.
  ///   - makesMissing: whether to make it, and its parents, if missing.
  /// - Throws: `SystemError`; `ELOOP` for a link in another system's path.
  public func open(_ path: HostPath, makesMissing: Bool = false) throws(SystemError) -> Folder {
    var folder = top
    for part in path.bytes.pathComponents {
      let name = Name(unchecked: Array(part))
      guard name != .parent else {
        throw SystemError("open", path: place(path), code: EINVAL)
      }
      if makesMissing { try folder.makeFolder(name) }
      folder = try folder.open(name, followsLinks: isRunning)
    }
    return folder
  }

  /// Whether a path exists.
  public func has(_ path: HostPath) throws(SystemError) -> Bool { try look(path) != nil }

  /// The status of a path, not following links; `nil` if nothing exists there.
  public func look(_ path: HostPath) throws(SystemError) -> stat? {
    let (parent, name) = Self.cut(path)
    return try openIfThere(parent)?.look(name)
  }

  /// The bytes of a file; `nil` if there is none.
  ///
  /// - Parameter limit: the maximum size in bytes.
  public func read(_ path: HostPath, limit: Int) throws(SystemError) -> [UInt8]? {
    let (parent, name) = Self.cut(path)
    guard let folder = try openIfThere(parent) else { return nil }
    do {
      return try SmallFile.read(name, in: folder, limit: limit, followsLinks: isRunning)
    } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
  }

  /// Creates or replaces a file atomically, with the directories above it. A link in the running
  /// system, to a file that somebody keeps elsewhere, stays a link.
  public func write(_ bytes: [UInt8], to path: HostPath, mode: UInt32) throws(SystemError) {
    let (parent, name) = Self.cut(isRunning ? Self.resolved(path) : path)
    try SmallFile.write(
      bytes, to: name, in: try open(parent, makesMissing: true), mode: mode)
  }

  /// Makes a symbolic link, with the directories above it.
  public func link(_ path: HostPath, to target: [UInt8]) throws(SystemError) {
    let (parent, name) = Self.cut(path)
    let folder = try open(parent, makesMissing: true)
    let made = target.withCPath { target in
      name.withCPath { symlinkat(target, folder.descriptor, $0) }
    }
    guard made == 0 else { throw SystemError("make the link", path: folder.path(of: name)) }
  }

  /// Removes a file, or a link itself.
  public func remove(_ path: HostPath) throws(SystemError) {
    let (parent, name) = Self.cut(path)
    try open(parent).remove(name)
  }

  /// Removes a directory if it exists and is empty.
  public func removeFolderIfEmpty(_ path: HostPath) throws(SystemError) {
    let (parent, name) = Self.cut(path)
    try open(parent).removeFolder(name)
  }

  /// Opens a directory; `nil` if it does not exist.
  public func openIfThere(_ path: HostPath) throws(SystemError) -> Folder? {
    do { return try open(path) } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
  }

  private static func cut(_ path: HostPath) -> (parent: HostPath, name: Name) {
    // The root itself has no name.
    (path.parent, Name(path.lastComponent) ?? .current)
  }

  /// The path a link leads to.
  private static func resolved(_ path: HostPath) -> HostPath {
    guard let real = path.withCPath({ realpath($0, nil) }) else { return path }
    defer { free(real) }
    return HostPath([UInt8](cString: real))
  }
}

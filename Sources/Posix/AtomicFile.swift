internal import Glibc

/// A file under construction, which gets its final name only when it is complete and synced.
///
/// It has no name at all where the file system allows that (`O_TMPFILE`), so that not even
/// `kill -9` leaves anything behind; elsewhere it has a hidden one in the same folder, which a
/// signal handler and the end of this object's life remove.
public final class AtomicFile {
  /// Where the file will appear.
  public let path: [UInt8]
  /// Open for reading and writing.
  public let descriptor: Int32
  private var hiddenPath: [UInt8]?
  private var reminder: Unlinking.Reminder?
  private var isPublished = false

  /// Opens an unnamed file in the folder of `path`.
  ///
  /// - Parameter replacing: whether an existing file under the final name may be replaced.
  /// - Throws: `SystemError`: with `EEXIST` at once where the name is taken and may not be, and
  ///   when the folder cannot be written.
  public init(path: [UInt8], replacing: Bool) throws(SystemError) {
    self.path = path
    self.replacing = replacing
    var status = stat()
    if path.withCPath({ lstat($0, &status) }) == 0 {
      guard replacing else { throw SystemError("create", path: path, code: EEXIST) }
      let type = status.st_mode & S_IFMT
      guard type == S_IFREG || type == S_IFLNK else {
        throw SystemError("replace", path: path, code: type == S_IFDIR ? EISDIR : EINVAL)
      }
    }
    let folder = Self.folder(of: path)
    let unnamed = folder.withCPath { open($0, O_TMPFILE | O_RDWR | O_CLOEXEC, 0o666) }
    if unnamed >= 0 {
      // Its name will be given by way of /proc, which a bare chroot may not have.
      if access("/proc/self/fd/\(unnamed)", F_OK) == 0 {
        descriptor = unnamed
        return
      }
      close(unnamed)
    } else if errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL {
      throw SystemError("create", path: path)
    }
    let hidden = Self.hiddenName(for: path, in: folder)
    let reminder = Unlinking.remember(hidden)
    let named = hidden.withCPath { open($0, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o666) }
    guard named >= 0 else {
      let error = SystemError("create", path: path)
      Unlinking.forget(reminder)
      throw error
    }
    self.reminder = reminder
    descriptor = named
    hiddenPath = hidden
  }

  private let replacing: Bool

  deinit {
    close(descriptor)
    if !isPublished { discardHiddenName() }
  }

  /// Syncs the file and puts it under its final name; whoever looks sees either what was there
  /// before or the whole new file.
  ///
  /// - Throws: `SystemError` when syncing or naming fails; the final name is then as it was.
  public func publish() throws(SystemError) { try Self.publish([self]) }

  /// The same for files that belong together, which appear one right after the other.
  ///
  /// - Throws: `SystemError`; those before the one that it names may have appeared.
  public static func publish(_ files: [AtomicFile]) throws(SystemError) {
    for file in files { try file.prepare() }
    defer { for file in files where file.isPublished { file.syncFolder() } }
    for file in files { try file.appear() }
  }

  /// Leaves nothing to be done but to give the file its name.
  private func prepare() throws(SystemError) {
    guard fsync(descriptor) == 0 else { throw SystemError("sync", path: path) }
    var status = stat()
    let isTaken = path.withCPath { lstat($0, &status) } == 0
    if hiddenPath == nil && replacing && isTaken { try appearHidden() }
  }

  /// linkat cannot replace; a hidden name and a rename can.
  private func appearHidden() throws(SystemError) {
    let hidden = Self.hiddenName(for: path, in: Self.folder(of: path))
    reminder = Unlinking.remember(hidden)
    hiddenPath = hidden
    guard try linkUnnamed(to: hidden) else {
      throw SystemError("create", path: hidden, code: EEXIST)
    }
  }

  private func appear() throws(SystemError) {
    if hiddenPath == nil {
      if try linkUnnamed(to: path) {
        isPublished = true
        return
      }
      guard replacing else { throw SystemError("create", path: path, code: EEXIST) }
      try appearHidden()
    }
    let flags: UInt32 = replacing ? 0 : UInt32(RENAME_NOREPLACE)
    var moved = hiddenPath!.withCPath { from in
      path.withCPath { to in renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) }
    }
    if moved != 0 && (errno == EINVAL || errno == ENOSYS) {
      moved = moveWithoutFlags()
    }
    guard moved == 0 else { throw SystemError("create", path: path) }
    isPublished = true
    if let reminder { Unlinking.forget(reminder) }
  }

  /// For file systems that know no RENAME_NOREPLACE, and perhaps no hard links either.
  private func moveWithoutFlags() -> Int32 {
    let hidden = hiddenPath!
    if !replacing {
      if hidden.withCPath({ from in path.withCPath { to in link(from, to) } }) == 0 {
        discardHiddenName()
        return 0
      }
      guard errno != EEXIST else { return -1 }
      var status = stat()
      guard path.withCPath({ lstat($0, &status) }) != 0 else {
        errno = EEXIST
        return -1
      }
    }
    return hidden.withCPath { from in path.withCPath { to in rename(from, to) } }
  }

  /// The name is on disk once the folder is; a folder that cannot be synced is no failure.
  private func syncFolder() {
    let folder = Self.folder(of: path).withCPath { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  /// - Returns: whether the name was free.
  private func linkUnnamed(to name: [UInt8]) throws(SystemError) -> Bool {
    let linked = Array("/proc/self/fd/\(descriptor)".utf8).withCPath { source in
      name.withCPath { linkat(AT_FDCWD, source, AT_FDCWD, $0, AT_SYMLINK_FOLLOW) }
    }
    if linked == 0 { return true }
    if errno == EEXIST { return false }
    throw SystemError("create", path: path)
  }

  private func discardHiddenName() {
    guard let hiddenPath else { return }
    _ = hiddenPath.withCPath { unlink($0) }
    if let reminder { Unlinking.forget(reminder) }
    self.hiddenPath = nil
  }

  static func folder(of path: [UInt8]) -> [UInt8] {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return [UInt8(ascii: ".")] }
    return slash == 0 ? [UInt8(ascii: "/")] : Array(path[..<slash])
  }

  static func hiddenName(for path: [UInt8], in folder: [UInt8]) -> [UInt8] {
    let base = path[(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)...].prefix(200)
    let unique = String(UInt64.random(in: 0 ... .max), radix: 36)
    return folder + [UInt8(ascii: "/"), UInt8(ascii: ".")] + base + Array(".\(unique).tmp".utf8)
  }
}

/// Removes hidden temporary names when a signal ends the program.
///
/// A handler may run at any time on any thread, so names and what holds them are never freed.
private enum Unlinking {
  struct Name {
    let path: UnsafeMutablePointer<CChar>?
    /// Whether there is something to remove.
    var isThere = true
    let next: Reminder?
  }
  typealias Reminder = UnsafeMutablePointer<Name>

  nonisolated(unsafe) private static var names: Reminder?
  nonisolated(unsafe) private static var count = 0
  /// What the signals did before, as long as a name is remembered.
  nonisolated(unsafe) private static var previous: [(Int32, sigaction)] = []

  static func remember(_ name: [UInt8]) -> Reminder {
    let reminder = Reminder.allocate(capacity: 1)
    reminder.initialize(to: Name(path: name.withCPath { strdup($0) }, next: names))
    names = reminder
    count += 1
    if count == 1 { setHandlers() }
    return reminder
  }

  /// Does nothing for one that is forgotten already.
  static func forget(_ reminder: Reminder) {
    guard reminder.pointee.isThere else { return }
    reminder.pointee.isThere = false
    count -= 1
    guard count == 0 else { return }
    for (number, action) in previous {
      var action = action
      sigaction(number, &action, nil)
    }
    previous = []
  }

  private static func setHandlers() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      sigaction(number, nil, &action)
      // Who ignores a signal (nohup) means it.
      if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
      previous.append((number, action))
      action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        var name = Unlinking.names
        while let reminder = name {
          if reminder.pointee.isThere, let path = reminder.pointee.path { unlink(path) }
          name = reminder.pointee.next
        }
        signal(number, SIG_DFL)
        raise(number)
      }
      sigaction(number, &action, nil)
    }
  }
}

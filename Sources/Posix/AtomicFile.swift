internal import CLinux
internal import Glibc

/// A file under construction, which gets its final name only when it is complete and synced.
///
/// It has no name at all where the file system allows that (`O_TMPFILE`), so that not even
/// `kill -9` leaves anything behind; elsewhere it has a hidden one in the same folder, which a
/// signal handler and the end of this object's life remove.
public final class AtomicFile {
  /// Where the file will appear: seen from the folder, where one was given.
  public let path: [UInt8]
  /// Open for reading and writing.
  public let descriptor: Int32
  /// What `path` starts from; `nil` for the working directory.
  private let folder: Folder?
  private var start: Int32 { folder?.descriptor ?? AT_FDCWD }
  private var hiddenPath: [UInt8]?
  private var reminder: Unlinking.Reminder?
  private var isPublished = false

  /// Opens an unnamed file in the folder of `path`.
  ///
  /// - Parameters:
  ///   - path: where the file will appear.
  ///   - folder: the open folder that `path` starts from, where it is relative.
  ///   - replacing: whether an existing file under the final name may be replaced.
  /// - Throws: `SystemError`: with `EEXIST` at once where the name is taken and may not be, and
  ///   when the folder cannot be written.
  public init(path: [UInt8], in folder: Folder? = nil, replacing: Bool) throws(SystemError) {
    self.path = path
    self.folder = folder
    self.replacing = replacing
    let start = folder?.descriptor ?? AT_FDCWD
    let shown = folder?.path(of: path) ?? path
    var status = stat()
    if path.withCPath({ fstatat(start, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 {
      guard replacing else { throw SystemError("create", path: shown, code: EEXIST) }
      let type = status.st_mode & S_IFMT
      guard type == S_IFREG || type == S_IFLNK else {
        throw SystemError("replace", path: shown, code: type == S_IFDIR ? EISDIR : EINVAL)
      }
    }
    let parent = Self.folder(of: path)
    let unnamed = parent.withCPath { openat(start, $0, O_TMPFILE | O_RDWR | O_CLOEXEC, 0o666) }
    if unnamed >= 0 {
      // Its name will be given by way of /proc, which a bare chroot may not have.
      if access("/proc/self/fd/\(unnamed)", F_OK) == 0 {
        descriptor = unnamed
        return
      }
      close(unnamed)
    } else if errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL {
      throw SystemError("create", path: shown)
    }
    let hidden = Self.hiddenName(for: path, in: parent)
    let reminder = Unlinking.remember(hidden, in: start)
    let named = hidden.withCPath {
      openat(start, $0, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o666)
    }
    guard named >= 0 else {
      let error = SystemError("create", path: shown)
      Unlinking.forget(reminder)
      throw error
    }
    self.reminder = reminder
    descriptor = named
    hiddenPath = hidden
  }

  private let replacing: Bool
  private var shown: [UInt8] { folder?.path(of: path) ?? path }

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
    do {
      for file in files { try file.appear() }
    } catch {
      for file in files where file.isPublished { try? file.syncFolder() }
      throw error
    }
    for file in files { try file.syncFolder() }
  }

  /// Leaves nothing to be done but to give the file its name.
  private func prepare() throws(SystemError) {
    guard fsync(descriptor) == 0 else { throw SystemError("sync", path: shown) }
    var status = stat()
    let isTaken = path.withCPath { fstatat(start, $0, &status, AT_SYMLINK_NOFOLLOW) } == 0
    if hiddenPath == nil && replacing && isTaken { try appearHidden() }
  }

  /// linkat cannot replace; a hidden name and a rename can.
  private func appearHidden() throws(SystemError) {
    let hidden = Self.hiddenName(for: path, in: Self.folder(of: path))
    reminder = Unlinking.remember(hidden, in: start)
    hiddenPath = hidden
    guard try linkUnnamed(to: hidden) else {
      throw SystemError("create", path: shown, code: EEXIST)
    }
  }

  private func appear() throws(SystemError) {
    if hiddenPath == nil {
      if try linkUnnamed(to: path) {
        isPublished = true
        return
      }
      guard replacing else { throw SystemError("create", path: shown, code: EEXIST) }
      try appearHidden()
    }
    let flags: UInt32 = replacing ? 0 : UInt32(RENAME_NOREPLACE)
    var moved = hiddenPath!.withCPath { from in
      path.withCPath { to in renameat2(start, from, start, to, flags) }
    }
    if moved != 0 && (errno == EINVAL || errno == ENOSYS) {
      moved = moveWithoutFlags()
    }
    guard moved == 0 else { throw SystemError("create", path: shown) }
    isPublished = true
    if let reminder { Unlinking.forget(reminder) }
  }

  /// For file systems that know no RENAME_NOREPLACE, and perhaps no hard links either.
  private func moveWithoutFlags() -> Int32 {
    let hidden = hiddenPath!
    if !replacing {
      if hidden.withCPath({ from in path.withCPath { to in linkat(start, from, start, to, 0) } })
        == 0
      {
        discardHiddenName()
        return 0
      }
      guard errno != EEXIST else { return -1 }
      var status = stat()
      guard path.withCPath({ fstatat(start, $0, &status, AT_SYMLINK_NOFOLLOW) }) != 0 else {
        errno = EEXIST
        return -1
      }
    }
    return hidden.withCPath { from in path.withCPath { to in renameat(start, from, start, to) } }
  }

  /// The name is on disk once the folder is; that one cannot be synced at all is no failure.
  private func syncFolder() throws(SystemError) {
    let parent = Self.folder(of: path).withCPath {
      openat(start, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard parent >= 0 else { return }
    defer { close(parent) }
    if fsync(parent) != 0, errno == EIO { throw SystemError("sync the folder of", path: shown) }
  }

  /// - Returns: whether the name was free.
  private func linkUnnamed(to name: [UInt8]) throws(SystemError) -> Bool {
    let linked = Array("/proc/self/fd/\(descriptor)".utf8).withCPath { source in
      name.withCPath { linkat(AT_FDCWD, source, start, $0, AT_SYMLINK_FOLLOW) }
    }
    if linked == 0 { return true }
    if errno == EEXIST { return false }
    throw SystemError("create", path: shown)
  }

  private func discardHiddenName() {
    guard let hiddenPath else { return }
    _ = hiddenPath.withCPath { unlinkat(start, $0, 0) }
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

/// Removes hidden temporary names when a signal ends the program, or a lack of memory.
///
/// A handler may run at any time on any thread, so names and what holds them are never freed.
private enum Unlinking {
  struct Name {
    let path: UnsafeMutablePointer<CChar>?
    /// What the path starts from; open as long as there is something.
    let start: Int32
    /// Whether there is something to remove.
    var isThere = true
    let next: Reminder?
  }
  typealias Reminder = UnsafeMutablePointer<Name>

  nonisolated(unsafe) private static var names: Reminder?
  nonisolated(unsafe) private static var count = 0
  /// What the signals did before, as long as a name is remembered.
  nonisolated(unsafe) private static var previous: [(Int32, sigaction)] = []

  static func remember(_ name: [UInt8], in start: Int32) -> Reminder {
    let reminder = Reminder.allocate(capacity: 1)
    reminder.initialize(to: Name(path: name.withCPath { strdup($0) }, start: start, next: names))
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

  private static func removeAll() {
    var name = names
    while let reminder = name {
      if reminder.pointee.isThere, let path = reminder.pointee.path {
        unlinkat(reminder.pointee.start, path, 0)
      }
      name = reminder.pointee.next
    }
  }

  private static func setHandlers() {
    clinux_when_out_of_memory(0, nil) { Unlinking.removeAll() }
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      sigaction(number, nil, &action)
      // Who ignores a signal (nohup) means it.
      if unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
      previous.append((number, action))
      action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        Unlinking.removeAll()
        Interruption.speak()
        signal(number, SIG_DFL)
        raise(number)
      }
      sigaction(number, &action, nil)
    }
  }
}

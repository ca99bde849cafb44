import Glibc

/// A file under construction that gets its final name only when it is complete and synced.
///
/// Where the file system allows it (`O_TMPFILE`), the file has no name at all, so that not even
/// `kill -9` leaves anything behind. Elsewhere it has a hidden name in the same folder, which a
/// signal handler or this object's `deinit` removes.
public final class AtomicFile {
  /// Open for reading and writing.
  public let descriptor: Int32
  /// Owns the descriptor; `nil` at the end of this object's life.
  private var file: Descriptor?
  /// Where the file will appear.
  public let path: HostPath
  /// The same path, relative to the folder if there is one.
  private let name: [UInt8]
  /// `nil` if the path starts from the working directory.
  private let folder: Folder?
  private let replacing: Bool
  private var hiddenPath: [UInt8]?
  private var reminder: Unlinking.Reminder?
  private var isPublished = false

  /// Opens an unnamed file in the folder of `path`.
  ///
  /// - Parameters:
  ///   - path: where the file will appear.
  ///   - replacing: whether an existing file under the final name may be replaced.
  /// - Throws: `SystemError`: `EEXIST` at once if the name is taken and must not be replaced;
  ///   also if the folder is not writable.
  public convenience init(path: HostPath, replacing: Bool) throws(SystemError) {
    try self.init(path, path.bytes, nil, replacing)
  }

  /// Opens an unnamed file in an open folder; otherwise as above.
  public convenience init(_ name: Name, in folder: Folder, replacing: Bool) throws(SystemError) {
    try self.init(folder.path(of: name), name.bytes, folder, replacing)
  }

  private init(
    _ path: HostPath, _ name: [UInt8], _ folder: Folder?, _ replacing: Bool
  ) throws(SystemError) {
    self.path = path
    self.name = name
    self.folder = folder
    self.replacing = replacing
    let start = folder?.descriptor ?? AT_FDCWD
    if let status = stat(name, in: start) {
      guard replacing else { throw SystemError("create", path: path, code: EEXIST) }
      guard status.isRegular || status.isLink else {
        throw SystemError("replace", path: path, code: status.isDirectory ? EISDIR : EINVAL)
      }
    }
    // The kernel would refuse such a name, but only once the file is complete.
    guard name.last != pathSeparator else {
      let file = stat(Array(name.withoutTrailingSlashes), in: start)
      throw SystemError("create", path: path, code: file == nil ? ENOENT : ENOTDIR)
    }
    let parent = HostPath(name).parent.bytes
    if let unnamed = Descriptor(opening: parent, O_TMPFILE | O_RDWR, in: start, mode: 0o666) {
      // The file gets its name through /proc, which a bare chroot may not have.
      if access("/proc/self/fd/\(unnamed.number)", F_OK) == 0 {
        descriptor = unnamed.number
        file = consume unnamed
        return
      }
    } else if errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL {
      throw SystemError("create", path: path)
    }
    let hidden = Self.hiddenName(for: name)
    let reminder = Unlinking.remember(hidden, in: start)
    let flags = O_CREAT | O_EXCL | O_RDWR
    guard let named = Descriptor(opening: hidden, flags, in: start, mode: 0o666) else {
      let error = SystemError("create", path: path)
      Unlinking.forget(reminder)
      throw error
    }
    self.reminder = reminder
    descriptor = named.number
    file = consume named
    hiddenPath = hidden
  }

  deinit {
    // Closed first: network file systems keep an open file under another name.
    file = nil
    if !isPublished { discardHiddenName() }
  }

  private var start: Int32 { folder?.descriptor ?? AT_FDCWD }

  /// Syncs the file and gives it its final name; at any moment that name shows either the old file
  /// or the complete new one.
  ///
  /// - Throws: `SystemError` when syncing or naming fails; the final name is then unchanged.
  public func publish() throws(SystemError) { try Self.publish([self]) }

  /// Publishes files that belong together, one right after the other.
  ///
  /// - Throws: `SystemError`; files before the one it names may have appeared.
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

  /// Does everything except give the file its name.
  private func prepare() throws(SystemError) {
    guard fsync(descriptor) == 0 else { throw SystemError("sync", path: path) }
    if hiddenPath == nil && replacing && stat(name, in: start) != nil { try appearHidden() }
  }

  /// linkat cannot replace; a hidden name and a rename can.
  private func appearHidden() throws(SystemError) {
    let hidden = Self.hiddenName(for: name)
    reminder = Unlinking.remember(hidden, in: start)
    hiddenPath = hidden
    guard try linkUnnamed(to: hidden) else {
      throw SystemError("create", path: path, code: EEXIST)
    }
  }

  private func appear() throws(SystemError) {
    if hiddenPath == nil {
      if try linkUnnamed(to: name) {
        isPublished = true
        return
      }
      guard replacing else { throw SystemError("create", path: path, code: EEXIST) }
      try appearHidden()
    }
    let flags: UInt32 = replacing ? 0 : UInt32(RENAME_NOREPLACE)
    var moved = hiddenPath!.withCPath { from in
      name.withCPath { to in renameat2(start, from, start, to, flags) }
    }
    if moved != 0 && (errno == EINVAL || errno == ENOSYS) {
      moved = moveWithoutFlags()
    }
    guard moved == 0 else { throw SystemError("create", path: path) }
    isPublished = true
    if let reminder { Unlinking.forget(reminder) }
  }

  /// For file systems without RENAME_NOREPLACE, and perhaps without hard links.
  private func moveWithoutFlags() -> Int32 {
    let hidden = hiddenPath!
    if !replacing {
      if hidden.withCPath({ from in name.withCPath { to in linkat(start, from, start, to, 0) } })
        == 0
      {
        discardHiddenName()
        return 0
      }
      guard errno != EEXIST else { return -1 }
      guard stat(name, in: start) == nil else {
        errno = EEXIST
        return -1
      }
    }
    return hidden.withCPath { from in name.withCPath { to in renameat(start, from, start, to) } }
  }

  /// Syncs the folder, which puts the name on disk. A folder that cannot be synced is no error.
  private func syncFolder() throws(SystemError) {
    let parent = HostPath(name).parent.bytes
    guard let opened = Descriptor(opening: parent, O_RDONLY | O_DIRECTORY, in: start) else {
      return
    }
    if fsync(opened.number) != 0, errno == EIO {
      throw SystemError("sync the folder of", path: path)
    }
  }

  /// - Returns: whether the name was free.
  private func linkUnnamed(to name: [UInt8]) throws(SystemError) -> Bool {
    let linked = Array("/proc/self/fd/\(descriptor)".utf8).withCPath { source in
      name.withCPath { linkat(AT_FDCWD, source, start, $0, AT_SYMLINK_FOLLOW) }
    }
    if linked == 0 { return true }
    if errno == EEXIST { return false }
    throw SystemError("create", path: path)
  }

  private func discardHiddenName() {
    guard let hiddenPath else { return }
    _ = hiddenPath.withCPath { unlinkat(start, $0, 0) }
    if let reminder { Unlinking.forget(reminder) }
    self.hiddenPath = nil
  }

  /// An unused name next to a path.
  static func hiddenName(for path: [UInt8]) -> [UInt8] {
    let unique = String(UInt64.random(in: 0 ... .max), radix: 36)
    let name =
      [UInt8(ascii: ".")] + path.lastPathComponent.prefix(200) + Array(".\(unique).tmp".utf8)
    return HostPath(path).parent.bytes.joined(to: name)
  }
}

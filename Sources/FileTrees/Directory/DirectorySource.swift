import CLinux
import Glibc
public import Posix
public import TreeModel

/// Reads a directory tree depth first, the names of each directory in byte order: the order of
/// `tar --sort=name`.
public final class DirectorySource {
  public struct Options: Sendable {
    /// Whether to stay on the file system of the top directory.
    public var oneFileSystem = false
    /// Whether to skip and count unreadable files instead of failing.
    public var ignoresUnreadable = false
    /// Whether to pack what symbolic links lead to, instead of the links.
    public var dereferences = false
    /// Files to leave out: the image under construction, and an earlier version of it.
    public var skipped: Set<FileID> = []

    public init() {}
  }

  /// Called with the reason for each file left out and each directory that changed.
  public var reportUnreadable: (SourceError) -> Void = { _ in }
  /// The number of files left out.
  public private(set) var unreadable = 0
  /// The number of directories in which names came or went.
  public private(set) var changedDirectories = 0

  private let path: [UInt8]
  private let options: Options
  private var linkPaths: [FileID: [UInt8]] = [:]
  private var followed = FollowedDirectories()
  private var device: dev_t = 0
  private let attributes = XattrReader()

  public init(path: [UInt8], options: Options = Options()) {
    self.path = path
    self.options = options
  }

  /// Delivers the directory and everything in it.
  ///
  /// - Throws: `SourceError` naming the file that was unreadable or changed meanwhile.
  public func read(into sink: any EntrySink) throws {
    // Follow a symbolic link given on the command line, but none inside.
    guard let top = Descriptor(opening: path, O_RDONLY | O_DIRECTORY) else {
      throw unreadable([], "open")
    }
    let directory: OpenDirectory
    let xattrs: [ExtendedAttribute]
    do {
      directory = try OpenDirectory(top, path: [])
      xattrs = try attributes.read(descriptor: directory.descriptor, path: path)
    } catch let error as UnreadableFile {
      throw failure([], error.reason.cause)
    }
    device = directory.status.st_dev
    let entry = TreeEntry(
      path: [UInt8(ascii: ".")], kind: .directory, attributes: Attributes(directory.status),
      xattrs: xattrs)
    guard try sink.add(entry, content: { _ in }) else { return }
    _ = followed.enter(directory.status.identity)
    var stack = [directory]
    while let level = stack.last {
      guard let name = level.nextName() else {
        followed.leave(level.status.identity)
        stack.removeLast()
        if !level.isUnchanged { try goOn(in: level) }
        continue
      }
      let entryPath = level.path.joined(to: name)
      do {
        if let directory = try visit(name, in: level, entryPath, sink) { stack.append(directory) }
      } catch var error as UnreadableFile {
        error.reason.path = full(entryPath)
        guard options.ignoresUnreadable else { throw error.reason }
        unreadable += 1
        error.reason.cause += "; left out"
        reportUnreadable(error.reason)
      }
    }
  }

  /// Accepts a directory that changed while being read, if that is wanted.
  private func goOn(in directory: OpenDirectory) throws(SourceError) {
    var reason = SourceError.changed(full(directory.path))
    guard options.ignoresUnreadable else { throw reason }
    changedDirectories += 1
    reason.cause += "; files created or removed meanwhile may be missing"
    reportUnreadable(reason)
  }

  /// - Returns: the directory to continue with, if the entry is one.
  private func visit(
    _ name: [UInt8], in level: OpenDirectory, _ entryPath: [UInt8], _ sink: any EntrySink
  ) throws -> OpenDirectory? {
    if try sink.leavesOut(entryPath) { return nil }
    let status = try status(of: name, in: level, entryPath)
    let identity = status.identity
    if options.skipped.contains(identity) { return nil }
    var entry = TreeEntry(path: entryPath, kind: .fifo, attributes: Attributes(status))
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      let isOther = options.oneFileSystem && identity.device != device
      let directory = try OpenDirectory(
        openEntry(name, in: level, entryPath, O_DIRECTORY), path: entryPath)
      entry.attributes = Attributes(directory.status)
      entry.kind = .directory
      entry.xattrs = try attributes.read(descriptor: directory.descriptor, path: entryPath)
      guard try sink.add(entry, content: { _ in }), !isOther else { return nil }
      if options.dereferences { try enter(directory, as: name, in: level) }
      return directory
    case S_IFREG:
      try visitFile(name, in: level, status, identity, &entry, sink)
      return nil
    case S_IFLNK:
      guard let target = level.target(of: name) else {
        throw UnreadableFile(reason: unreadable(entryPath, "read"))
      }
      entry.kind = .symlink(target: target)
    case S_IFBLK: entry.kind = .blockDevice(DeviceNumber(status.st_rdev))
    case S_IFCHR: entry.kind = .characterDevice(DeviceNumber(status.st_rdev))
    case S_IFIFO: entry.kind = .fifo
    case S_IFSOCK: entry.kind = .socket
    default: throw UnreadableFile(reason: failure(entryPath, "a file of unknown type"))
    }
    if linkTo(earlier: identity, status, &entry) {
      try sink.add(entry, content: { _ in })
      return nil
    }
    // Through the open directory: a path can be too long, or lead elsewhere by now.
    let unopened = Array("/proc/self/fd/\(level.descriptor)/".utf8) + name
    entry.xattrs = try attributes.read(unopened: unopened, follows: options.dereferences)
    try add(entry, identity, status, to: sink)
    return nil
  }

  private func visitFile(
    _ name: [UInt8], in level: OpenDirectory, _ status: stat, _ identity: FileID,
    _ entry: inout TreeEntry, _ sink: any EntrySink
  ) throws {
    if linkTo(earlier: identity, status, &entry) {
      try sink.add(entry, content: { _ in })
      return
    }
    let entryPath = entry.path
    // O_NONBLOCK: the name may have become a fifo since.
    let file = try openEntry(name, in: level, entryPath, O_NONBLOCK)
    let descriptor = file.number
    guard let opened = stat(of: descriptor), opened.identity == identity,
      opened.st_mode & S_IFMT == S_IFREG
    else { throw UnreadableFile(reason: changed(entryPath)) }
    let stamp = FileStamp(opened)
    stamp.settle()
    entry.attributes = Attributes(opened)
    entry.kind = .regular(size: UInt64(opened.st_size))
    entry.xattrs = try attributes.read(descriptor: descriptor, path: entryPath)
    try add(entry, identity, status, to: sink) { content in
      try FileReader(descriptor: descriptor, size: UInt64(opened.st_size)).read(into: content) {
        UnreadableFile(
          reason: $0
            ? self.changed(entryPath, size: opened.st_size) : self.unreadable(entryPath, "read"))
      }
      guard FileStamp(descriptor: descriptor) == stamp else {
        throw UnreadableFile(reason: self.changed(entryPath))
      }
    }
  }

  /// Turns the entry into a hard link if we have seen the file before.
  private func linkTo(
    earlier identity: FileID, _ status: stat, _ entry: inout TreeEntry
  ) -> Bool {
    guard mayHaveOtherNames(status), let earlier = linkPaths[identity] else { return false }
    entry.kind = .hardLink(target: earlier, hasContent: false)
    return true
  }

  /// Adds an entry, and remembers it for its other names if the sink took it.
  private func add(
    _ entry: TreeEntry, _ identity: FileID, _ status: stat, to sink: any EntrySink,
    content: (any ContentSink) throws -> Void = { _ in }
  ) throws {
    if try sink.add(entry, content: content) && mayHaveOtherNames(status) {
      linkPaths[identity] = entry.path
    }
  }

  private func mayHaveOtherNames(_ status: stat) -> Bool {
    status.st_nlink > 1 || options.dereferences
  }

  private func openEntry(
    _ name: [UInt8], in level: OpenDirectory, _ entryPath: [UInt8], _ flags: Int32
  ) throws -> Descriptor {
    let links = options.dereferences ? 0 : O_NOFOLLOW
    guard
      let opened = Descriptor(opening: name, O_RDONLY | links | flags, in: level.descriptor)
    else { throw UnreadableFile(reason: unreadable(entryPath, "open")) }
    return opened
  }

  // MARK: Following links

  /// The status of a name: of a link itself, or of what it leads to.
  private func status(
    of name: [UInt8], in level: OpenDirectory, _ entryPath: [UInt8]
  ) throws -> stat {
    var status = stat()
    let flags = options.dereferences ? 0 : AT_SYMLINK_NOFOLLOW
    if name.withCPath({ fstatat(level.descriptor, $0, &status, flags) }) == 0 { return status }
    let code = errno
    guard options.dereferences, let target = level.target(of: name) else {
      errno = code
      throw UnreadableFile(reason: unreadable(entryPath, "read"))
    }
    let why =
      code == ENOENT
      ? "which does not exist" : "and cannot be followed: \(SystemError.reason(code))"
    var error = failure(entryPath, "is a link to \(target.escapedName), \(why)")
    error.remedies = [.ignoreUnreadable, .exclude]
    throw UnreadableFile(reason: error)
  }

  /// Keeps a directory that a link may have led to from going on forever.
  private func enter(
    _ directory: OpenDirectory, as name: [UInt8], in level: OpenDirectory
  ) throws(SourceError) {
    guard let problem = followed.enter(directory.status.identity) else { return }
    let target = level.target(of: name)
    let message =
      switch problem {
      case .visitedTooOften:
        "links make more than \(FollowedDirectories.mostVisits.grouped) directories of this one"
      case .liesInItself where target == nil: "contains itself, through a link above it"
      case .liesInItself: "is a link to \(target!.escapedName), a directory that contains it"
      }
    throw SourceError(
      .refused, path: full(directory.path), message, remedies: [.exclude])
  }

  // MARK: Errors

  private func full(_ entryPath: [UInt8]) -> [UInt8] {
    entryPath.isEmpty ? path : path.joined(to: entryPath)
  }

  private func failure(_ entryPath: [UInt8], _ message: String) -> SourceError {
    SourceError(.unreadable, path: full(entryPath), message)
  }

  private func unreadable(_ entryPath: [UInt8], _ action: String) -> SourceError {
    if errno == ENOENT && !entryPath.isEmpty {
      return SourceError(
        .changed, path: full(entryPath), "disappeared after its directory was listed",
        hint: "try again when nothing is removed or renamed")
    }
    var error = failure(entryPath, "cannot \(action): \(SystemError.reason())")
    if !entryPath.isEmpty { error.remedies = [.ignoreUnreadable, .exclude] }
    return error
  }

  private func changed(_ entryPath: [UInt8], size: off_t = 1) -> SourceError {
    if size == 0 {
      var error = failure(
        entryPath,
        "has bytes though its size is 0: something writes to it, or it is not a plain file, as in /proc"
      )
      error.remedies = [.exclude]
      return error
    }
    return .changed(full(entryPath))
  }
}

extension Attributes {
  init(_ status: stat) {
    self.init(
      permissions: UInt16(status.st_mode & 0o7777), uid: status.st_uid, gid: status.st_gid,
      modified: Int64(status.st_mtim.tv_sec))
  }
}

extension DeviceNumber {
  init(_ device: dev_t) {
    self.init(major: clinux_major(device), minor: clinux_minor(device))
  }
}

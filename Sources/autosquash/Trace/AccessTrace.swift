import FileTrees
import Glibc
import Posix

/// Notes the files of a tree that are opened, by whomever, in the order in which they are first.
///
/// It asks inotify(7) about every directory, which needs no rights but to read them.
final class AccessTrace {
  private let top: [UInt8]
  private let queue: Int32
  /// The directories by their watches, and all files with their inodes.
  private var directories: [Int32: [UInt8]] = [:]
  private var inodes: [[UInt8]: UInt64] = [:]
  /// The names of inodes that have several.
  private var links: [UInt64: [[UInt8]]] = [:]
  private var seen: Set<[UInt8]> = []

  /// The files that were opened, below the tree's top. Of one with several names all are here,
  /// since it is not known which of them brings the bytes when the tree is packed.
  private(set) var paths: [[UInt8]] = []

  /// The number of files in the tree.
  var fileCount: Int { inodes.count }

  /// Watches all directories of a tree, but not those of other file systems in it.
  ///
  /// - Throws: `SourceError` for what cannot be read, or where the tree has more directories than
  ///   the system lets a user watch.
  init(directory: [UInt8]) throws {
    top = directory
    queue = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    guard queue >= 0 else { throw SystemError("watch files", path: directory) }
    try watchAll()
  }

  deinit { close(queue) }

  private func watchAll() throws {
    guard let opened = Descriptor(opening: top, O_RDONLY | O_DIRECTORY),
      let device = stat(of: opened.number)?.st_dev
    else { throw failure([]) }
    var stack = [try watch(opened, [])]
    while let directory = stack.last {
      guard let name = directory.nextName() else {
        stack.removeLast()
        continue
      }
      let path = directory.path.joined(to: name)
      guard let status = stat(name, in: directory.descriptor) else {
        if errno == ENOENT { continue }
        throw failure(path)
      }
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        inodes[path] = UInt64(status.st_ino)
        if status.st_nlink > 1 { links[UInt64(status.st_ino), default: []].append(path) }
      case S_IFDIR where status.st_dev == device:
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        guard let opened = Descriptor(opening: name, flags, in: directory.descriptor) else {
          throw failure(path)
        }
        stack.append(try watch(opened, path))
      default: break
      }
    }
  }

  private func watch(_ opened: consuming Descriptor, _ path: [UInt8]) throws -> OpenDirectory {
    // A path of any length has a short one here.
    let number = inotify_add_watch(
      queue, "/proc/self/fd/\(opened.number)", UInt32(IN_OPEN | IN_ONLYDIR))
    guard number >= 0 else {
      throw errno == ENOSPC
        ? SourceError(
          .refused, path: top,
          "has more directories than the system lets you watch; let an administrator raise the "
            + "limit: sysctl fs.inotify.max_user_watches=1000000")
        : failure(path)
    }
    directories[number] = path
    forgetEvents()
    do {
      return try OpenDirectory(opened, path: path)
    } catch let error as UnreadableFile {
      throw error.reason
    }
  }

  /// Opening the directories is noted too; of many it would fill the queue.
  private func forgetEvents() {
    withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 8) { buffer in
      while read(queue, buffer.baseAddress!, buffer.count) > 0 {}
    }
  }

  private func failure(_ path: [UInt8]) -> SourceError {
    SourceError(
      .unreadable, path: path.isEmpty ? top : top.joined(to: path),
      "cannot watch: \(SystemError.reason())")
  }

  /// Notes what is opened until there is something to read from `end`, or its writer is gone.
  ///
  /// - Throws: `SourceError` when more was opened at once than the system keeps count of.
  func collect(until end: Int32) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
    defer { buffer.deallocate() }
    var isOver = false
    while true {
      let count = retryingInterrupts { read(queue, buffer.baseAddress!, buffer.count) }
      if count > 0 {
        try note(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        continue
      }
      guard count < 0, errno == EAGAIN else { throw failure([]) }
      if isOver { return }
      var waits = [
        pollfd(fd: queue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: end, events: Int16(POLLIN), revents: 0),
      ]
      guard retryingInterrupts({ Int(poll(&waits, 2, -1)) }) > 0 else { throw failure([]) }
      // What came before the end is in the queue by now, so once more around.
      isOver = waits[1].revents != 0
    }
  }

  private func note(_ events: UnsafeRawBufferPointer) throws {
    var position = 0
    let header = MemoryLayout<inotify_event>.size
    while events.count - position >= header {
      let event = events.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
      let name = events[position + header..<position + header + Int(event.len)].prefix { $0 != 0 }
      position += header + Int(event.len)
      if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
        throw SourceError(
          .refused, path: top,
          "files were opened faster than the system keeps count of them; let an administrator "
            + "raise the limit: sysctl fs.inotify.max_queued_events=1000000")
      }
      guard event.mask & UInt32(IN_ISDIR) == 0, let directory = directories[event.wd] else {
        continue
      }
      let path = directory.joined(to: name)
      // A file that came later is not one of the tree's.
      guard let inode = inodes[path] else { continue }
      for path in links[inode] ?? [path] where seen.insert(path).inserted { paths.append(path) }
    }
  }
}

import FileTrees
import Glibc
import Posix

/// Records the files of a tree that anybody opens, in the order of their first opening.
///
/// It watches every directory with inotify(7), for which reading them is permission enough.
final class AccessTrace {
  private let top: [UInt8]
  private let queue: Int32
  /// The directories by their watches, and all files with their inodes.
  private var directories: [Int32: [UInt8]] = [:]
  private var inodes: [[UInt8]: UInt64] = [:]
  /// The names of inodes with several names.
  private var links: [UInt64: [[UInt8]]] = [:]
  private var seen: Set<[UInt8]> = []

  /// The files opened, as paths below the tree's top. All names of a file are here, since we do not
  /// know which of them will bring the bytes when the tree is packed.
  private(set) var paths: [[UInt8]] = []

  /// The number of files in the tree.
  var fileCount: Int { inodes.count }

  /// Watches all directories of a tree, except those on other file systems.
  ///
  /// - Throws: `SourceError` if something is unreadable, or the tree has more directories than the
  ///   system lets a user watch.
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
    // A path of any length is short in this form.
    let number = inotify_add_watch(
      queue, "/proc/self/fd/\(opened.number)", UInt32(IN_OPEN | IN_ONLYDIR))
    guard number >= 0 else {
      throw errno == ENOSPC
        ? SourceError(
          .refused, path: top,
          "has more directories than the system lets you watch; ask an administrator to raise the "
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

  /// Drops the events from opening the directories: many would fill the queue.
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

  /// Records openings until there is something to read from `end`, or its writer is gone.
  ///
  /// - Throws: `SourceError` if more openings came at once than the system can queue.
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
      // Earlier events are in the queue by now, so go around once more.
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
          "files were opened faster than the system can count them; ask an administrator to "
            + "raise the limit: sysctl fs.inotify.max_queued_events=1000000")
      }
      guard event.mask & UInt32(IN_ISDIR) == 0, let directory = directories[event.wd] else {
        continue
      }
      let path = directory.joined(to: name)
      // A newer file does not belong to the tree.
      guard let inode = inodes[path] else { continue }
      for path in links[inode] ?? [path] where seen.insert(path).inserted { paths.append(path) }
    }
  }
}

import CLinux
import Glibc
import Posix

/// Makes the other names of files with several, after all first names exist.
final class HardLinker {
  /// A name in a directory.
  struct Name: Sendable {
    var directory: OutputDirectory.Place
    var name: [UInt8]

    init(_ name: [UInt8], in directory: OutputDirectory) {
      self.name = name
      self.directory = directory.place
    }
  }

  private let top: OutputDirectory
  private var pending: [(first: MadeFile, link: Name)] = []

  init(top: OutputDirectory) { self.top = top }

  /// Notes another name.
  func add(_ link: Name, to first: MadeFile) { pending.append((first, link)) }

  /// Makes all links.
  ///
  /// - Parameter copy: called if a link is impossible; makes the file again under the given name
  ///   in the given directory.
  func run(copy: (MadeFile, [UInt8], OutputDirectory) -> MadeFile) {
    for (first, link) in pending {
      if top.context.isStopped { break }
      make(link, first, copy)
    }
    pending.removeAll()
  }

  private func make(
    _ link: Name, _ file: MadeFile, _ copy: (MadeFile, [UInt8], OutputDirectory) -> MadeFile
  ) {
    let context = top.context
    let path = Self.path(link)
    guard let target = open(link.directory) else { return context.fail(path, action: "link") }
    guard file.name != nil else {
      if link.name.withCPath({ faccessat(target.descriptor, $0, F_OK, AT_SYMLINK_NOFOLLOW) }) == 0 {
        return context.failAsExisting(path)
      }
      let name = file.wanted.escapedName
      return context.fail(path, "hard link to \(name), which this run did not unpack")
    }
    var before = stat()
    fstat(target.descriptor, &before)
    defer { futimens(target.descriptor, [before.st_atim, before.st_mtim]) }
    if context.keepsSame,
      file.has(link.name, in: target.descriptor, orCopy: !context.replaces)
    {
      return context.countKept()
    }
    let key = CopyKey(file: ObjectIdentifier(file), device: before.st_dev)
    var failure: Int32 = 0
    for source in [copies[key], file].compactMap({ $0 }) {
      failure = attempt(source, link.name, target)
      if failure == 0 { return context.countMade() }
      guard Self.asksForCopy.contains(failure) else { break }
    }
    switch failure {
    case EEXIST: context.failAsExisting(path)
    case EISDIR: context.fail(path, ExtractionContext.directoryInTheWay)
    case ESTALE: context.fail(path, "hard link to a file that was replaced meanwhile")
    case _ where Self.asksForCopy.contains(failure):
      guard let folder = OutputDirectory(again: link.directory, target.descriptor, context) else {
        return context.fail(path, action: "link")
      }
      let made = copy(file, link.name, folder)
      if made.name == nil { return }
      copies[key] = made
      context.countCopiedLink()
    default: context.fail(path, SystemError("link", code: failure).description)
    }
  }

  /// Why a link may be impossible where a file is not: another mount, too many links, a file system
  /// without them.
  private static let asksForCopy: Set<Int32> = [EXDEV, EMLINK, EPERM, EOPNOTSUPP, ENOSYS]

  private struct CopyKey: Hashable {
    var file: ObjectIdentifier
    var device: dev_t
  }

  /// The latest copy of a file on a file system; other names there become links to it.
  private var copies: [CopyKey: MadeFile] = [:]

  /// - Returns: 0 or an error number: `ESTALE` if the file can no longer be found.
  private func attempt(_ file: MadeFile, _ name: [UInt8], _ target: Opened) -> Int32 {
    var source = LinkSource(descriptor: file.held, directory: nil, name: file.name!.name)
    if file.held < 0 {
      guard let directory = open(file.name!.directory) else { return errno }
      source.directory = directory.descriptor
      source.descriptor = file.reopen(in: directory.descriptor)
      guard source.descriptor >= 0 else { return ESTALE }
    }
    defer {
      if file.held < 0 {
        file.noteLinked(source.descriptor)
        close(source.descriptor)
      }
    }
    let link = { name in self.link(&source, of: file, to: name, in: target) }
    var failure = link(name)
    guard failure == EEXIST, top.context.replaces else { return failure }
    let hidden = OutputDirectory.hiddenName()
    failure = link(hidden)
    guard failure == 0 else { return failure }
    let isMoved =
      hidden.withCPath { from in
        name.withCPath { renameat(target.descriptor, from, target.descriptor, $0) }
      } == 0
    failure = isMoved ? 0 : errno
    // rename does nothing if both names already belong to one file.
    _ = hidden.withCPath { unlinkat(target.descriptor, $0, 0) }
    return failure
  }

  /// The source of a link.
  private struct LinkSource {
    /// Of the file itself: as long as it is open, no other file gets its number.
    var descriptor: Int32
    /// The directory with its first name, if that is open.
    var directory: Int32?
    let name: [UInt8]
  }

  /// Links to the open file itself: somebody who may write where its first name is could have put
  /// another file there, and this name may be where they may not write.
  private func link(
    _ source: inout LinkSource, of file: MadeFile, to name: [UInt8], in target: Opened
  ) -> Int32 {
    let opened = source.descriptor
    let failure = name.withCPath { name in
      if linkat(opened, "", target.descriptor, name, AT_EMPTY_PATH) == 0 { return Int32(0) }
      // The right to read everything is missing, before Linux 6.10.
      guard errno == ENOENT else { return errno }
      let path = Array("/proc/self/fd/\(opened)".utf8)
      let isMade =
        path.withCPath {
          linkat(AT_FDCWD, $0, target.descriptor, name, AT_SYMLINK_FOLLOW)
        } == 0
      return isMade ? 0 : errno
    }
    guard failure == ENOENT else { return failure }
    guard let status = stat(of: opened), status.st_nlink > 0 else { return ESTALE }
    // A bare chroot may lack /proc. Then link by name, and undo it if that was another file.
    if source.directory == nil { source.directory = open(file.name!.directory)?.descriptor }
    guard let directory = source.directory else { return errno }
    return name.withCPath { name in
      let isMade = source.name.withCPath { linkat(directory, $0, target.descriptor, name, 0) } == 0
      guard isMade else { return errno }
      var made = stat()
      guard fstatat(target.descriptor, name, &made, AT_SYMLINK_NOFOLLOW) == 0,
        made.st_dev == status.st_dev, made.st_ino == status.st_ino
      else {
        unlinkat(target.descriptor, name, 0)
        return ESTALE
      }
      return 0
    }
  }

  private static func path(_ name: Name) -> [UInt8] {
    let path = name.directory.path
    return path.joined(to: name.name)
  }

  /// An open directory that gets its final mode, which may shut it, when it closes.
  private final class Opened {
    let descriptor: Int32
    private let mode: mode_t?

    init(_ entered: EnteredDirectory) {
      descriptor = entered.descriptor
      mode = entered.oldMode
    }

    deinit {
      let code = errno  // says why another one could not be opened
      if let mode { fchmod(descriptor, mode) }
      close(descriptor)
      errno = code
    }
  }

  /// Recently opened directories, latest last: links lie next to each other, and so do the files
  /// they refer to.
  private var latest: [OutputDirectory.Place] = []
  private var opened: [ObjectIdentifier: Opened] = [:]
  private static let mostOpened = 64

  /// Reopens a directory, from the top or the nearest open one, through no symbolic link.
  private func open(_ place: OutputDirectory.Place) -> Opened? {
    var places: [OutputDirectory.Place] = []
    var current = place
    var directory: Opened?
    while directory == nil {
      if let known = opened[ObjectIdentifier(current)] {
        directory = known
      } else if let parent = current.parent {
        places.append(current)
        current = parent
      } else {
        let copy = fcntl(top.descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, let entered = EnteredDirectory(copy, mayChange: false) else { return nil }
        directory = Opened(entered)
      }
    }
    // Keep the one above too: the next one wanted is often next to this one.
    if places.count > 1 {
      directory = Self.open(places[1...].reversed(), below: directory!)
      guard let directory else { return nil }
      remember(directory, as: place.parent!)
    }
    if let last = places.first {
      directory = Self.open([last], below: directory!)
      guard let directory else { return nil }
      remember(directory, as: last)
    }
    return directory
  }

  /// Opens a directory through others, none of which may be a link.
  private static func open(_ places: [OutputDirectory.Place], below directory: Opened) -> Opened? {
    let opened = open(places.map(\.name), below: directory.descriptor)
    if opened >= 0 {
      return EnteredDirectory(opened, mayChange: places.last!.isOurs).map { Opened($0) }
    }
    guard errno == EACCES else { return nil }
    // One on the way is closed to its owner.
    var current = directory
    for place in places {
      guard
        let next = EnteredDirectory(
          place.name, in: current.descriptor, mayChange: place.isOurs)
      else { return nil }
      current = Opened(next)
    }
    return current
  }

  /// - Returns: the descriptor, or -1.
  private static func open(_ names: [[UInt8]], below descriptor: Int32) -> Int32 {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var current = descriptor
    var rest = names[...]
    while !rest.isEmpty {
      // As many as a path may hold; just one name if the kernel lacks openat2.
      var path = rest.removeFirst()
      var count = 0
      while count < rest.count, path.count + 1 + rest[rest.startIndex + count].count < 4000 {
        path += [pathSeparator] + rest[rest.startIndex + count]
        count += 1
      }
      var next = path.withCPath {
        clinux_openat2(
          current, $0, UInt64(flags),
          UInt64(clinux_resolve_no_symlinks | clinux_resolve_no_magiclinks))
      }
      if next >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == ENOSYS || errno == EPERM {
        let name = Array(path.prefix { $0 != pathSeparator })
        next = name.withCPath { openat(current, $0, flags) }
      }
      let code = errno
      if current != descriptor { close(current) }
      errno = code
      guard next >= 0 else { return -1 }
      current = next
    }
    return current
  }

  private func remember(_ directory: Opened, as place: OutputDirectory.Place) {
    if latest.count == Self.mostOpened {
      opened[ObjectIdentifier(latest.removeFirst())] = nil
    }
    latest.append(place)
    opened[ObjectIdentifier(place)] = directory
  }
}

internal import CLinux
internal import Glibc
internal import Posix

/// Makes the further names of files that have several, after all first ones are there.
public final class HardLinker {
  /// A name in a directory.
  public struct Name: Sendable {
    public var directory: OutputDirectory.Place
    public var name: [UInt8]

    public init(_ name: [UInt8], in directory: OutputDirectory) {
      self.name = name
      self.directory = directory.place
    }
  }

  private let top: OutputDirectory
  private var pending: [(first: MadeFile, link: Name)] = []

  public init(top: OutputDirectory) { self.top = top }

  /// Notes a further name.
  public func add(_ link: Name, to first: MadeFile) { pending.append((first, link)) }

  /// Makes all links.
  public func run() {
    for (first, link) in pending {
      if Interruption.isRequested { break }
      make(link, first)
    }
    pending.removeAll()
  }

  private func make(_ link: Name, _ file: MadeFile) {
    let context = top.context
    let path = Self.path(link)
    guard let first = file.name, let identity = file.identity else {
      let name = file.wanted.escapedName
      return context.fail(path, "hard link to \(name), which was not unpacked")
    }
    guard let source = open(first.directory), let target = open(link.directory) else {
      return context.fail(path, action: "link")
    }
    // Only to what was made here, whatever has the name by now.
    var status = stat()
    guard
      first.name.withCPath({
        fstatat(source.descriptor, $0, &status, AT_SYMLINK_NOFOLLOW)
      }) == 0, MadeFile.Identity(status) == identity
    else {
      return context.fail(path, "hard link to a file that was replaced meanwhile")
    }
    var before = stat()
    fstat(target.descriptor, &before)
    func attempt(_ name: [UInt8]) -> Bool {
      first.name.withCPath { from in
        name.withCPath { linkat(source.descriptor, from, target.descriptor, $0, 0) }
      } == 0
    }
    // The directory has its final mode already, which is ours to lift for a moment.
    let needsRight = !context.isRoot && before.st_mode & 0o300 != 0o300
    if needsRight { fchmod(target.descriptor, before.st_mode & 0o7777 | 0o300) }
    var isMade = attempt(link.name)
    if !isMade && errno == EEXIST && context.replaces {
      let hidden = OutputDirectory.hiddenName()
      isMade =
        attempt(hidden)
        && hidden.withCPath { from in
          link.name.withCPath { renameat(target.descriptor, from, target.descriptor, $0) }
        } == 0
      // rename does nothing where both names are one file's already.
      let code = errno
      _ = hidden.withCPath { unlinkat(target.descriptor, $0, 0) }
      errno = code
    }
    let failure = errno
    if needsRight { fchmod(target.descriptor, before.st_mode & 0o7777) }
    futimens(target.descriptor, [before.st_atim, before.st_mtim])
    guard isMade else {
      switch failure {
      case EEXIST: return context.failAsExisting(path)
      case EISDIR: return context.fail(path, ExtractionContext.directoryInTheWay)
      default: return context.fail(path, SystemError("link", code: failure).description)
      }
    }
    context.countMade()
  }

  private static func path(_ name: Name) -> [UInt8] {
    let path = name.directory.path
    return path.isEmpty ? name.name : path + [UInt8(ascii: "/")] + name.name
  }

  private final class Opened {
    let descriptor: Int32
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit {
      let code = errno  // which tells why another one could not be opened
      if descriptor >= 0 { close(descriptor) }
      errno = code
    }
  }

  /// Directories opened lately, the latest last: links lie beside each other, and so do the files
  /// that they are of.
  private var latest: [OutputDirectory.Place] = []
  private var opened: [ObjectIdentifier: Opened] = [:]
  private static let mostOpened = 64

  /// Opens a directory again, from the top or the nearest one that is open, through no symbolic
  /// link.
  private func open(_ place: OutputDirectory.Place) -> Opened? {
    var names: [[UInt8]] = []
    var current = place
    var directory: Opened?
    while directory == nil {
      if let known = opened[ObjectIdentifier(current)] {
        directory = known
      } else if let parent = current.parent {
        names.append(current.name)
        current = parent
      } else {
        directory = Opened(fcntl(top.descriptor, F_DUPFD_CLOEXEC, 0))
      }
    }
    // The one above is kept too: the next one wanted is often beside this one.
    if names.count > 1, let parent = directory {
      let above = Opened(Self.open(names[1...].reversed(), below: parent.descriptor))
      guard above.descriptor >= 0 else { return nil }
      remember(above, as: place.parent!)
      directory = above
    }
    if let name = names.first, let parent = directory {
      directory = Opened(Self.open([name], below: parent.descriptor))
      guard directory!.descriptor >= 0 else { return nil }
      remember(directory!, as: place)
    }
    guard let directory, directory.descriptor >= 0 else { return nil }
    return directory
  }

  /// Opens a directory by way of others, none of which may be a link.
  ///
  /// - Returns: the descriptor, or -1.
  private static func open(_ names: [[UInt8]], below descriptor: Int32) -> Int32 {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var current = descriptor
    var rest = names[...]
    while !rest.isEmpty {
      // As long as a path may be; where the kernel knows no openat2, one name.
      var path = rest.removeFirst()
      var count = 0
      while count < rest.count, path.count + 1 + rest[rest.startIndex + count].count < 4000 {
        path += [UInt8(ascii: "/")] + rest[rest.startIndex + count]
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
        let name = Array(path.prefix { $0 != UInt8(ascii: "/") })
        next = name.withCPath { openat(current, $0, flags) }
      }
      if current != descriptor { close(current) }
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

/// A file with several names, whose first one may yet be on its way.
public final class MadeFile: @unchecked Sendable {
  /// What tells a file from all others on this machine.
  struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64

    init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
    }
  }

  /// The path of the first name.
  let wanted: [UInt8]
  // Written by one thread, read after the pool was drained.
  private(set) var name: HardLinker.Name?
  private(set) var identity: Identity?

  public init(wanted: [UInt8]) { self.wanted = wanted }

  /// Called when the file has its first name.
  func appear(as name: [UInt8], in directory: OutputDirectory, _ descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    self.name = HardLinker.Name(name, in: directory)
    identity = Identity(status)
  }
}

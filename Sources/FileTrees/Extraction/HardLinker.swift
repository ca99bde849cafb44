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
  ///
  /// - Parameter copy: called where a link cannot be; makes the file once more, of the name and in
  ///   the directory given.
  public func run(copy: (MadeFile, [UInt8], OutputDirectory) -> MadeFile) {
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
    guard file.name != nil else {
      let name = file.wanted.escapedName
      return context.fail(path, "hard link to \(name), which was not unpacked")
    }
    guard let target = open(link.directory) else { return context.fail(path, action: "link") }
    var before = stat()
    fstat(target.descriptor, &before)
    defer { futimens(target.descriptor, [before.st_atim, before.st_mtim]) }
    let key = CopyKey(file: ObjectIdentifier(file), device: before.st_dev)
    var failure: Int32 = 0
    for source in [copies[key], file].compactMap({ $0 }) {
      guard let directory = open(source.name!.directory) else {
        return context.fail(path, action: "link")
      }
      guard Self.isStillThere(source, in: directory) else {
        return context.fail(path, "hard link to a file that was replaced meanwhile")
      }
      failure = attempt(source.name!.name, directory, link.name, target)
      if failure == 0 { return context.countMade() }
      guard Self.asksForCopy.contains(failure) else { break }
    }
    switch failure {
    case EEXIST: context.failAsExisting(path)
    case EISDIR: context.fail(path, ExtractionContext.directoryInTheWay)
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

  /// Why a link cannot be where a file can: on another mount, too many of them, on a file system
  /// that has none.
  private static let asksForCopy: Set<Int32> = [EXDEV, EMLINK, EPERM, EOPNOTSUPP, ENOSYS]

  private struct CopyKey: Hashable {
    var file: ObjectIdentifier
    var device: dev_t
  }

  /// The latest copy of a file on a file system, which further names there are links to.
  private var copies: [CopyKey: MadeFile] = [:]

  /// Whether a name is still that of what was made here.
  private static func isStillThere(_ file: MadeFile, in directory: Opened) -> Bool {
    var status = stat()
    return file.name!.name.withCPath {
      fstatat(directory.descriptor, $0, &status, AT_SYMLINK_NOFOLLOW)
    } == 0 && MadeFile.Identity(status) == file.identity
  }

  /// - Returns: 0, or what is in the way.
  private func attempt(
    _ from: [UInt8], _ source: Opened, _ name: [UInt8], _ target: Opened
  ) -> Int32 {
    func link(_ name: [UInt8]) -> Bool {
      from.withCPath { from in
        name.withCPath { linkat(source.descriptor, from, target.descriptor, $0, 0) }
      } == 0
    }
    if link(name) { return 0 }
    guard errno == EEXIST, top.context.replaces else { return errno }
    let hidden = OutputDirectory.hiddenName()
    let isMade =
      link(hidden)
      && hidden.withCPath { from in
        name.withCPath { renameat(target.descriptor, from, target.descriptor, $0) }
      } == 0
    let code = errno
    // rename does nothing where both names are one file's already.
    _ = hidden.withCPath { unlinkat(target.descriptor, $0, 0) }
    return isMade ? 0 : code
  }

  private static func path(_ name: Name) -> [UInt8] {
    let path = name.directory.path
    return path.isEmpty ? name.name : path + [UInt8(ascii: "/")] + name.name
  }

  /// A directory that is open, and gets back its final mode, which may shut it, when it closes.
  private final class Opened {
    let descriptor: Int32
    private let mode: mode_t?

    init(_ entered: EnteredDirectory) {
      descriptor = entered.descriptor
      mode = entered.oldMode
    }

    deinit {
      let code = errno  // which tells why another one could not be opened
      if let mode { fchmod(descriptor, mode) }
      close(descriptor)
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
    // The one above is kept too: the next one wanted is often beside this one.
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

  /// Opens a directory by way of others, none of which may be a link.
  private static func open(_ places: [OutputDirectory.Place], below directory: Opened) -> Opened? {
    let opened = open(places.map(\.name), below: directory.descriptor)
    if opened >= 0 {
      return EnteredDirectory(opened, mayChange: places.last!.isOurs).map { Opened($0) }
    }
    guard errno == EACCES else { return nil }
    // One on the way is shut to its owner.
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
  public let wanted: [UInt8]
  /// What the file is known by where its content comes from.
  public let source: UInt64
  // Written by one thread, read after the pool was drained.
  private(set) var name: HardLinker.Name?
  private(set) var identity: Identity?

  public init(wanted: [UInt8], source: UInt64) {
    self.wanted = wanted
    self.source = source
  }

  /// Called when the file has its first name.
  func appear(as name: [UInt8], in directory: OutputDirectory, _ descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    self.name = HardLinker.Name(name, in: directory)
    identity = Identity(status)
  }
}

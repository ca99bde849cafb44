import CLinux
import Glibc
import Posix
import TreeModel

/// A directory that receives extracted files, held open: whatever happens to its path meanwhile,
/// they go into this directory and no other.
///
/// Its own attributes are set with the last release, after everything in it exists.
final class OutputDirectory: @unchecked Sendable {
  /// A directory's place without an open descriptor, to find it again.
  final class Place: Sendable {
    let parent: Place?
    let name: [UInt8]
    /// Whether the directory was made here, or should get the image's attributes.
    let isOurs: Bool

    init(parent: Place?, name: [UInt8], isOurs: Bool) {
      self.parent = parent
      self.name = name
      self.isOurs = isOurs
    }

    /// The path below the top.
    var path: [UInt8] {
      var names: [[UInt8]] = []
      var current: Place? = self
      while let place = current, place.parent != nil {
        names.append(place.name)
        current = place.parent
      }
      return names.reversed().joinedPath
    }
  }

  let place: Place
  let descriptor: Int32
  let context: ExtractionContext
  /// Kept until this directory is finished, so that the parent's time is set after ours.
  private let parent: OutputDirectory?
  private let attributes: Attributes?
  private let xattrs: [ExtendedAttribute]
  /// The mode of an existing directory that was closed to this user, its owner.
  private let oldMode: mode_t?
  /// Whether it is still closed.
  private let isShut: Bool
  /// The owner of what is made here: usually this user, but some file systems decide otherwise.
  private let owner: (uid: UInt32, gid: UInt32)?
  /// Whether a default ACL removes permissions from new files here.
  let masksModes: Bool

  /// Opens the directory to extract into, creating it if missing. An existing one keeps its owner,
  /// mode and time.
  ///
  /// - Parameters:
  ///   - path: as the user typed it; symbolic links in it are followed.
  ///   - attributes: for a new directory.
  /// - Throws: `SystemError`.
  convenience init(
    top path: [UInt8], attributes: Attributes?, xattrs: [ExtendedAttribute],
    context: ExtractionContext
  ) throws(SystemError) {
    let path = Array(path.withoutTrailingSlashes)
    let isNew = path.withCPath { mkdir($0, Self.firstMode(attributes)) } == 0
    guard isNew || errno == EEXIST else { throw SystemError("create", path: path) }
    // Somebody who may write in its parent could have put a link in its place.
    let isOurs = isNew || context.replaces || context.keepsSame
    guard
      let entered = EnteredDirectory(
        path, in: AT_FDCWD, followsLinks: !isNew, mayChange: isOurs)
    else { throw SystemError("open", path: path) }
    // A directory from an earlier run gets its time back after more is made in it.
    let isCompleted =
      context.keepsSame && attributes?.modified == Int64(entered.status.st_mtim.tv_sec)
    let isFinished = isNew || isCompleted
    self.init(
      entered, Place(parent: nil, name: path, isOurs: isOurs), in: nil,
      isFinished ? attributes : nil, isFinished ? xattrs : [], context, isNew: isNew)
  }

  /// Writable for us and nobody else until the final mode is set, but useful to others if that
  /// never happens.
  private static func firstMode(_ attributes: Attributes?) -> mode_t {
    mode_t(attributes?.permissions ?? 0) & 0o755 | 0o700
  }

  /// Whether new files here get this owner by themselves.
  func isOwner(_ attributes: Attributes) -> Bool {
    owner.map { $0.uid == attributes.uid && $0.gid == attributes.gid } ?? false
  }

  private init(
    _ entered: EnteredDirectory, _ place: Place, in parent: OutputDirectory?,
    _ attributes: Attributes?, _ xattrs: [ExtendedAttribute], _ context: ExtractionContext,
    isNew: Bool
  ) {
    descriptor = entered.descriptor
    self.parent = parent
    self.context = context
    self.place = place
    self.attributes = attributes
    self.xattrs = xattrs
    oldMode = isNew ? nil : entered.oldMode
    isShut = entered.oldMode == nil && EnteredDirectory.isShut(entered.status)
    owner = isNew ? (entered.status.st_uid, entered.status.st_gid) : nil
    masksModes = fgetxattr(descriptor, "system.posix_acl_default", nil, 0) > 0
  }

  /// Reopens a finished directory for one more file: it keeps its attributes.
  ///
  /// - Parameter descriptor: remains the caller's.
  convenience init?(again place: Place, _ descriptor: Int32, _ context: ExtractionContext) {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0, let entered = EnteredDirectory(copy, mayChange: false) else { return nil }
    self.init(entered, place, in: nil, nil, [], context, isNew: false)
  }

  deinit {
    // An existing directory that could not be completed is closed again as before.
    if let attributes, oldMode == nil || !context.isStopped {
      let finish = FileFinish(attributes, xattrs, context)
      if !finish.apply(toOpen: descriptor, isRegular: false) {
        context.fail(place.path, action: "set the attributes")
      }
    } else if let oldMode {
      fchmod(descriptor, oldMode)
    }
    close(descriptor)
  }

  /// Counts and reports a failure to make something here, by `errno`.
  func failToCreate(_ name: [UInt8]) {
    guard errno == EACCES, isShut else { return context.failToCreate(path(of: name)) }
    context.fail(
      path(of: name),
      "cannot create: \(SystemError.reason(EACCES)); --force writes into your own read-only"
        + " directories")
  }

  /// The path of a name in this directory, below the top.
  func path(of name: [UInt8]) -> [UInt8] {
    let path = place.path
    return path.joined(to: name)
  }

  // MARK: Making things

  /// Makes a directory, or enters an existing one; never a symbolic link to one.
  ///
  /// - Returns: `nil` on failure, which has been reported.
  func makeDirectory(
    _ name: [UInt8], _ attributes: Attributes, _ xattrs: [ExtendedAttribute]
  ) -> OutputDirectory? {
    let mode = Self.firstMode(attributes)
    var isNew = name.withCPath { mkdirat(descriptor, $0, mode) } == 0
    if !isNew && errno == EEXIST && context.replaces && !isDirectory(name) {
      // A link or a file is where the directory belongs.
      _ = name.withCPath { unlinkat(descriptor, $0, 0) }
      isNew = name.withCPath { mkdirat(descriptor, $0, mode) } == 0
    }
    guard isNew || errno == EEXIST else {
      failToCreate(name)
      return nil
    }
    let isOurs = isNew || context.replaces || context.keepsSame
    guard let entered = EnteredDirectory(name, in: descriptor, mayChange: isOurs) else {
      if errno == ENOTDIR || errno == ELOOP {
        context.fail(
          path(of: name), "exists and is not a directory; --force replaces it")
      } else {
        context.fail(path(of: name), action: "open")
      }
      return nil
    }
    // In a directory that others may write in, it may have been exchanged. (Owner and mode prove
    // nothing: some file systems choose their own.)
    guard !isNew || owner != nil || Self.isEmpty(entered.descriptor) else {
      close(entered.descriptor)
      context.fail(path(of: name), "was replaced during extraction")
      return nil
    }
    if isNew { context.countMade() }
    return OutputDirectory(
      entered, Place(parent: place, name: name, isOurs: isOurs), in: self,
      isOurs ? attributes : nil, isOurs ? xattrs : [], context, isNew: isNew)
  }

  /// Whether an open directory is empty, like a new one.
  private static func isEmpty(_ opened: Int32) -> Bool {
    let copy = Descriptor(opening: Name.current.bytes, O_RDONLY | O_DIRECTORY, in: opened)
    guard var entries = try? DirectoryStream(copy, path: []) else { return false }
    do { return try entries.next() == nil } catch { return false }
  }

  private func isDirectory(_ name: [UInt8]) -> Bool {
    stat(name, in: descriptor)?.isDirectory == true
  }

  /// Makes a symbolic link, a device, a fifo or a socket.
  ///
  /// - Parameter made: learns of it, if the file has several names.
  func makeSpecial(
    _ name: [UInt8], _ kind: TreeEntry.Kind, _ attributes: Attributes,
    _ xattrs: [ExtendedAttribute], _ made: MadeFile? = nil
  ) {
    guard let type = kind.type.map({ mode_t($0.modeBits) }) else {
      preconditionFailure("another name is no file of its own")
    }
    let number: UInt64 =
      switch kind {
      case .blockDevice(let device), .characterDevice(let device): device.number
      default: 0
      }
    func make(_ name: [UInt8]) -> Bool {
      switch kind {
      case .symlink(let target):
        target.withCPath { target in name.withCPath { symlinkat(target, descriptor, $0) } } == 0
      default: node(name, type, number)
      }
    }
    guard appear(as: name, make) else { return }
    context.countMade()
    // Others who may write in the directory may have exchanged it.
    guard let file = Descriptor(opening: name, O_PATH | O_NOFOLLOW, in: descriptor),
      let status = stat(of: file.number), status.st_mode & S_IFMT == type, status.st_nlink == 1,
      number == 0 || status.st_rdev == dev_t(number),
      isOurs(file.number, status, kind, hasMoreNames: made != nil)
    else { return context.fail(path(of: name), "was replaced during extraction") }
    let opened = file.number
    if !FileFinish(attributes, xattrs, context).apply(toPath: opened, isLink: type == S_IFLNK) {
      context.fail(path(of: name), action: "set the attributes")
    }
    made?.appear(as: name, in: self, opened)
  }

  /// Whether a link, fifo or socket belongs to us: another name for somebody else's could put it
  /// where they may not write.
  private func isOurs(
    _ opened: Int32, _ status: stat, _ kind: TreeEntry.Kind, hasMoreNames: Bool
  ) -> Bool {
    switch kind {
    case .symlink(let target):
      return Self.linkTarget(opened, target.count) == target
    case .fifo, .socket: return !hasMoreNames || status.st_uid == geteuid()
    default: return true
    }
  }

  /// Whether this user may make a file of that kind; counts those that are skipped.
  func mayMake(_ kind: TreeEntry.Kind) -> Bool {
    switch kind {
    case .blockDevice, .characterDevice:
      if !context.isRoot { context.countSkippedDevice() }
      return context.isRoot
    default: return true
    }
  }

  private func node(_ name: [UInt8], _ type: mode_t, _ device: UInt64) -> Bool {
    name.withCPath { mknodat(descriptor, $0, type | 0o600, dev_t(device)) } == 0
  }

  /// Makes something under a free name, or in place of the entry with that name.
  ///
  /// - Returns: whether it exists; a failure has been reported.
  private func appear(as name: [UInt8], _ make: ([UInt8]) -> Bool) -> Bool {
    if make(name) { return true }
    guard errno == EEXIST, context.replaces else {
      failToCreate(name)
      return false
    }
    let hidden = Self.hiddenName()
    return withUnfinished { isMade in
      guard make(hidden) else {
        context.fail(path(of: name), action: "create")
        return false
      }
      isMade(hidden)
      return replace(hidden, name)
    }
  }

  /// Calls `body`, which makes a file that must not remain unfinished. If memory runs out elsewhere
  /// meanwhile, the program ends after `body`; if inside it, the file that `body` named is removed.
  func withUnfinished<R, E: Error>(
    _ body: (_ isMade: ([UInt8]) -> Void) throws(E) -> R
  ) throws(E) -> R {
    clinux_unfinished_begin()
    defer { clinux_unfinished_end() }
    return try body { name in name.withCPath { clinux_unfinished_name(descriptor, $0) } }
  }

  /// Moves a finished file to its name.
  func replace(_ hidden: [UInt8], _ name: [UInt8]) -> Bool {
    if hidden.withCPath({ from in
      name.withCPath { renameat(descriptor, from, descriptor, $0) }
    }) == 0 {
      return true
    }
    if errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST {
      context.fail(path(of: name), ExtractionContext.directoryInTheWay)
    } else {
      context.fail(path(of: name), action: "replace")
    }
    _ = hidden.withCPath { unlinkat(descriptor, $0, 0) }
    return false
  }

  static func hiddenName() -> [UInt8] {
    Array(".autosquash-\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp".utf8)
  }
}

extension DeviceNumber {
  /// The number in the kernel's form.
  var number: UInt64 { clinux_makedev(major, minor) }
}

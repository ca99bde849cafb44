internal import Glibc
internal import Posix

/// The tree in which the links stand, entered one directory at a time, so that nobody who may write
/// in it can lead a step elsewhere.
///
/// A symbolic link in a path is followed only where ordinary users cannot have put it: it belongs to
/// root, in a directory that only root can change. It then means what it would mean if the root of
/// this tree were that of the system, so that no path leaves the tree.
final class TargetRoot {
  private let root: Folder
  /// The overlay, in which no link may be put.
  private let overlay: OverlayListing
  /// The folder of the state, in which none may be put either.
  private let reserved: Folder?
  /// The overlay's links, and those of when it was elsewhere.
  private let links: [LinkText]

  /// Why a directory cannot be had.
  enum Obstacle: Error {
    /// These directories are not there, and were not to be made: real paths below the root, parents
    /// first.
    case missing([[UInt8]])
    /// Something is in the way.
    case conflict(String)
  }

  /// - Parameters:
  ///   - root: the root of the tree.
  ///   - reserved: a directory of the tree that is not to be entered.
  ///   - earlier: where the overlay was before.
  init(
    _ root: Folder, overlay: OverlayListing, reserved: Folder? = nil,
    earlier: [EarlierOverlay] = []
  ) {
    self.root = root
    self.overlay = overlay
    self.reserved = reserved
    links = [LinkText(overlay: overlay.root)] + earlier.map(\.link)
  }

  /// As many links in one path as the kernel follows.
  private static let mostLinks = 40

  /// Opens a directory of the tree.
  ///
  /// - Parameters:
  ///   - path: relative to the root, without `..`.
  ///   - makesMissing: whether directories that are not there are made, each with owner, group and
  ///     permissions of the one it is in.
  ///   - made: called for each that was made, with its path below the root, links resolved.
  func open(
    _ path: [UInt8], makesMissing: Bool, made: ([UInt8]) -> Void = { _ in }
  ) throws(Obstacle) -> Folder {
    var stack = [root]
    // The names that led from the root to the top of the stack.
    var names: [[UInt8]] = []
    var rest = path.split(separator: UInt8(ascii: "/")).map { Array($0) }[...]
    var links = 0
    func real(_ last: [UInt8]) -> [UInt8] { (names + [last]).reduce([]) { $0.appending($1) } }
    while let part = rest.popFirst() {
      if part.elementsEqual(".".utf8) { continue }
      if part.elementsEqual("..".utf8) {
        if stack.count > 1 {
          stack.removeLast()
          names.removeLast()
        }
        continue
      }
      let parent = stack[stack.count - 1]
      var opened = step(into: part, of: parent)
      if opened >= 0, isStale(opened, at: real(part), on: path) {
        // It was a file in the overlay, and is a directory now: ours takes the link's place.
        close(opened)
        opened = -1
        if makesMissing { _ = part.withCPath { unlinkat(parent.descriptor, $0, 0) } }
        errno = ENOENT
      }
      if opened < 0 && errno == ENOENT {
        guard makesMissing else {
          var path = real(part)
          throw .missing(
            [path]
              + rest.map { name in
                path = path.appending(name)
                return path
              })
        }
        opened = try make(part, in: parent)
        made(real(part))
      }
      guard opened >= 0 else { throw failure("open", real(part)) }
      let folder: Folder
      do {
        folder = try Folder(opened, path: [UInt8(ascii: "/")] + real(part))
      } catch { throw .conflict("\(error)") }
      switch folder.status.st_mode & S_IFMT {
      case S_IFDIR:
        guard !overlay.isOwn(folder) else {
          throw .conflict("\(real(part).escapedName) is the overlay itself, or in it")
        }
        guard reserved?.isSame(as: folder.status) != true else {
          throw .conflict(Self.reservedText)
        }
        stack.append(folder)
        names.append(part)
      case S_IFLNK:
        links += 1
        guard links <= Self.mostLinks else {
          throw .conflict("\(real(part).escapedName): too many symbolic links")
        }
        guard isTrusted(folder.status, in: parent.status) else {
          throw .conflict(
            "\(real(part).escapedName) is a symbolic link that users can change, and is not followed"
          )
        }
        guard let target = folder.target(of: []) else { throw failure("read", real(part)) }
        if target.first == UInt8(ascii: "/") {
          stack = [root]
          names = []
        }
        rest = (target.split(separator: UInt8(ascii: "/")).map { Array($0) } + rest)[...]
      default: throw .conflict("\(real(part).escapedName) is there and is no directory")
      }
    }
    return stack[stack.count - 1]
  }

  /// Why no link can be in the folder of the state.
  static let reservedText = "autosquash needs this name for itself"

  /// Whether something is the link that a file of the overlay had where there is a directory now.
  ///
  /// - Parameters:
  ///   - place: where it is.
  ///   - path: the path to be entered, which leads through it.
  private func isStale(_ descriptor: Int32, at place: [UInt8], on path: [UInt8]) -> Bool {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return false }
    let text = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
      count = max(0, readlinkat(descriptor, "", buffer.baseAddress!, buffer.count))
    }
    return links.contains { link in
      text == link.text(for: place)
        || (link.text(for: path) + [UInt8(ascii: "/")]).starts(with: text + [UInt8(ascii: "/")])
          && link.path(of: text) != nil
    }
  }

  /// Opens what is at a name: a directory, a link, or something else.
  private func step(into name: [UInt8], of folder: Folder) -> Int32 {
    name.withCPath { name in
      // Asked for as a directory, one that is mounted when it is used gets mounted.
      let flags = O_PATH | O_NOFOLLOW | O_CLOEXEC
      let opened = openat(folder.descriptor, name, flags | O_DIRECTORY)
      if opened >= 0 || (errno != ENOTDIR && errno != ELOOP) { return opened }
      return openat(folder.descriptor, name, flags)
    }
  }

  /// Whether nobody but root, or the user who runs this, can have put a link there.
  private func isTrusted(_ link: stat, in folder: stat) -> Bool {
    let trusted = [0, geteuid()]
    return trusted.contains(link.st_uid) && trusted.contains(folder.st_uid)
      && folder.st_mode & 0o022 == 0
  }

  /// What a directory is called before it is complete.
  static let temporaryName = Array(".autosquash-overlay.dir".utf8)

  /// Makes a directory; it gets its name when it has its owner and permissions.
  private func make(_ name: [UInt8], in parent: Folder) throws(Obstacle) -> Int32 {
    let temporary = Self.temporaryName
    _ = temporary.withCPath { unlinkat(parent.descriptor, $0, AT_REMOVEDIR) }
    guard temporary.withCPath({ mkdirat(parent.descriptor, $0, 0o700) }) == 0 else {
      throw failure("make", name)
    }
    let made = temporary.withCPath {
      openat(parent.descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    guard made >= 0 else { throw failure("open", name) }
    // In a directory of somebody else's it may be another one by now; an empty one does no harm.
    var status = stat()
    guard fstat(made, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o777 == 0o700,
      (try? Folder(dup(made)).names())?.isEmpty == true
    else {
      close(made)
      throw .conflict("\(name.escapedName) was changed while it was made")
    }
    // The owner first: changing it takes set-id bits away.
    if fchown(made, parent.status.st_uid, parent.status.st_gid) != 0 && geteuid() == 0 {
      let problem = failure("give away", name)
      close(made)
      throw problem
    }
    fchmod(made, parent.status.st_mode & 0o7777)
    let renamed = temporary.withCPath { from in
      name.withCPath {
        renameat2(
          parent.descriptor, from, parent.descriptor, $0, UInt32(RENAME_NOREPLACE))
      }
    }
    guard renamed == 0 else {
      let problem = failure("make", name)
      _ = temporary.withCPath { unlinkat(parent.descriptor, $0, AT_REMOVEDIR) }
      close(made)
      throw problem
    }
    return made
  }

  private func failure(_ action: String, _ name: [UInt8]) -> Obstacle {
    .conflict("cannot \(action) \(name.escapedName): \(String(cString: strerror(errno)))")
  }
}

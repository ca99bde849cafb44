import Glibc
import Posix

/// The tree with the links, entered one directory at a time, so that nobody who may write in it can
/// redirect a step.
///
/// A symbolic link in a path is followed only if ordinary users cannot have made it: it belongs to
/// root, in a directory that only root can change. It then means what it would mean if this tree's
/// root were the system's, so that no path leaves the tree.
final class TargetRoot {
  private let root: Folder
  /// The overlay, in which no link may be made.
  private let overlay: OverlayListing
  /// The state folder, in which none may be made either.
  private let reserved: Folder?
  /// The overlay's links, and those to its earlier locations.
  private let links: [LinkText]

  /// Why a directory is unavailable.
  enum Obstacle: Error {
    /// These directories are missing and were not to be created: real paths below the root, parents
    /// first.
    case missing([RelativePath])
    /// Something is in the way.
    case conflict(String)
  }

  /// - Parameters:
  ///   - root: the root of the tree.
  ///   - reserved: a directory of the tree that must not be entered.
  ///   - earlier: the overlay's earlier locations.
  init(
    _ root: Folder, overlay: OverlayListing, reserved: Folder? = nil,
    earlier: [EarlierOverlay] = []
  ) {
    self.root = root
    self.overlay = overlay
    self.reserved = reserved
    links = [LinkText(overlay: overlay.root)] + earlier.map(\.link)
  }

  /// Opens a directory of the tree.
  ///
  /// - Parameters:
  ///   - path: relative to the root, without `..`.
  ///   - makesMissing: whether to create missing directories, each with the owner, group and
  ///     permissions of its parent.
  ///   - made: called for each new one with its path below the root, links resolved.
  func open(
    _ path: RelativePath, makesMissing: Bool, made: (RelativePath) -> Void = { _ in }
  ) throws(Obstacle) -> Folder {
    var stack = [root]
    // The path from the root to the top of the stack.
    var way = RelativePath.root
    var rest = path.names[...]
    var links = 0
    while let part = rest.popFirst() {
      if part == .current { continue }
      if part == .parent {
        if stack.count > 1 {
          stack.removeLast()
          way = way.parent
        }
        continue
      }
      let parent = stack[stack.count - 1]
      let place = way.appending(part)
      var opened = step(into: part, of: parent)
      if let found = opened?.number, isStale(found, at: place, on: path) {
        // A file in the overlay has become a directory: ours takes the link's place.
        opened = nil
        if makesMissing { _ = part.withCPath { unlinkat(parent.descriptor, $0, 0) } }
        errno = ENOENT
      }
      if opened == nil && errno == ENOENT {
        guard makesMissing else {
          throw .missing(
            rest.reduce(into: [place]) { $0.append($0[$0.count - 1].appending($1)) })
        }
        opened = try make(part, in: parent)
        made(place)
      }
      guard opened != nil else { throw failure("open", place) }
      let folder: Folder
      do {
        folder = try Folder(opened.take(), path: .root.appending(place))
      } catch { throw .conflict("\(error)") }
      switch folder.status.st_mode & S_IFMT {
      case S_IFDIR:
        guard !overlay.isOwn(folder) else {
          throw .conflict("\(place.escapedName) is the overlay itself, or inside it")
        }
        guard reserved?.isSame(as: folder.status) != true else {
          throw .conflict(Self.reservedText)
        }
        stack.append(folder)
        way = place
      case S_IFLNK:
        links += 1
        guard links <= LinuxLimits.mostLinks else {
          throw .conflict("\(place.escapedName): too many symbolic links")
        }
        guard isTrusted(folder.status, in: parent.status) else {
          throw .conflict(
            "\(place.escapedName) is a symbolic link that users can change; not followed"
          )
        }
        guard let target = readLink([], in: folder.descriptor) else { throw failure("read", place) }
        if target.isAbsolutePath {
          stack = [root]
          way = .root
        }
        rest = (target.pathComponents.map { Name(unchecked: Array($0)) } + rest)[...]
      default: throw .conflict("\(place.escapedName) exists and is not a directory")
      }
    }
    return stack[stack.count - 1]
  }

  /// Why the state folder cannot hold links.
  static let reservedText = "autosquash needs this name for itself"

  /// Whether something is the link of an overlay file that has since become a directory.
  ///
  /// - Parameters:
  ///   - place: its path.
  ///   - path: the path being entered, which leads through it.
  private func isStale(_ descriptor: Int32, at place: RelativePath, on path: RelativePath) -> Bool {
    guard let text = readLink([], in: descriptor) else { return false }
    return links.contains { link in
      text == link.text(for: place)
        || text.last != pathSeparator && link.text(for: path).isPath(atOrBelow: text)
          && link.path(of: text) != nil
    }
  }

  /// Opens the entry of a name: a directory, a link, or something else.
  private func step(into name: Name, of folder: Folder) -> Descriptor? {
    // Asking for a directory triggers a mount at an automount point.
    let flags = O_PATH | O_NOFOLLOW
    if let opened = Descriptor(opening: name.bytes, flags | O_DIRECTORY, in: folder.descriptor) {
      return opened
    }
    guard errno == ENOTDIR || errno == ELOOP else { return nil }
    return Descriptor(opening: name.bytes, flags, in: folder.descriptor)
  }

  /// Whether only root, or the user who runs this, can have made a link.
  private func isTrusted(_ link: stat, in folder: stat) -> Bool {
    let trusted = [0, geteuid()]
    return trusted.contains(link.st_uid) && trusted.contains(folder.st_uid)
      && folder.st_mode & 0o022 == 0
  }

  /// A directory's name before it is complete.
  static let temporaryName: Name = ".autosquash-overlay.dir"

  /// Makes a directory; it gets its name once it has its owner and permissions.
  private func make(_ name: Name, in parent: Folder) throws(Obstacle) -> Descriptor {
    let temporary = Self.temporaryName
    parent.removeFolder(temporary)
    guard temporary.withCPath({ mkdirat(parent.descriptor, $0, 0o700) }) == 0 else {
      throw failure("make", name)
    }
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
    guard let made = Descriptor(opening: temporary.bytes, flags, in: parent.descriptor) else {
      throw failure("open", name)
    }
    // In somebody else's directory it may have been exchanged; an empty one does no harm.
    guard let status = stat(of: made.number), status.st_uid == geteuid(),
      status.st_mode & 0o777 == 0o700,
      (try? Folder(Descriptor(dup(made.number))).names())?.isEmpty == true
    else { throw .conflict("\(name.escapedName) changed while it was being made") }
    // The owner first: changing it clears set-id bits.
    if fchown(made.number, parent.status.st_uid, parent.status.st_gid) != 0 && geteuid() == 0 {
      throw failure("change the owner of", name)
    }
    fchmod(made.number, parent.status.st_mode & 0o7777)
    let renamed = temporary.withCPath { from in
      name.withCPath {
        renameat2(
          parent.descriptor, from, parent.descriptor, $0, UInt32(RENAME_NOREPLACE))
      }
    }
    guard renamed == 0 else {
      let problem = failure("make", name)
      parent.removeFolder(temporary)
      throw problem
    }
    return made
  }

  private func failure(_ action: String, _ name: some ByteString) -> Obstacle {
    .conflict("cannot \(action) \(name.escapedName): \(SystemError.reason())")
  }
}

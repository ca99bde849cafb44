internal import Glibc
internal import Posix

/// The tree in which the links stand, entered one directory at a time, so that nobody who may write
/// in it can lead a step elsewhere.
///
/// A symbolic link in a path is followed only where ordinary users cannot have put it: it belongs to
/// root, in a directory that only root can change. It then means what it would mean if the root of
/// this tree were that of the system, so that no path leaves the tree.
final class TargetRoot {
  private let root: TargetFolder
  /// The overlay itself, in which no link may be put.
  private let overlay: stat

  /// Why a directory cannot be had.
  enum Obstacle: Error {
    /// Something is not there, and was not to be made.
    case missing
    /// Something is in the way.
    case conflict(String)
  }

  /// - Parameters:
  ///   - path: the root of the tree.
  ///   - overlay: the folder of the overlay.
  init(_ path: [UInt8], overlay: [UInt8]) throws(SystemError) {
    let descriptor = path.withCPath { Glibc.open($0, O_PATH | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw SystemError("open", path: path) }
    root = try TargetFolder(descriptor)
    let other = overlay.withCPath { Glibc.open($0, O_PATH | O_DIRECTORY | O_CLOEXEC) }
    guard other >= 0 else { throw SystemError("open", path: overlay) }
    self.overlay = try TargetFolder(other).status
  }

  /// As many links in one path as the kernel follows.
  private static let mostLinks = 40

  /// Opens a directory of the tree.
  ///
  /// - Parameters:
  ///   - path: relative to the root, without `..`.
  ///   - makesMissing: whether directories that are not there are made, each with owner, group and
  ///     permissions of the one it is in.
  ///   - made: called for each that was made, with its path.
  func open(
    _ path: [UInt8], makesMissing: Bool, made: ([UInt8]) -> Void = { _ in }
  ) throws(Obstacle) -> TargetFolder {
    var stack = [root]
    var rest = path.split(separator: UInt8(ascii: "/")).map { Array($0) }[...]
    // How many of the last parts are of the path itself, and not of a link's target.
    var own = rest.count
    var done: [UInt8] = []
    var links = 0
    while let part = rest.popFirst() {
      let isOwn = rest.count < own
      if isOwn { own = rest.count }
      if isOwn { done = done.appending(part) }
      if part.elementsEqual(".".utf8) { continue }
      if part.elementsEqual("..".utf8) {
        if stack.count > 1 { stack.removeLast() }
        continue
      }
      let parent = stack[stack.count - 1]
      var opened = step(into: part, of: parent)
      if opened < 0 && errno == ENOENT {
        guard makesMissing else { throw .missing }
        opened = try make(part, in: parent)
        made(done)
      }
      guard opened >= 0 else { throw failure("open", done) }
      let folder: TargetFolder
      do { folder = try TargetFolder(opened) } catch { throw .conflict("\(error)") }
      switch folder.status.st_mode & S_IFMT {
      case S_IFDIR:
        guard folder.status.st_dev != overlay.st_dev || folder.status.st_ino != overlay.st_ino
        else { throw .conflict("\(done.escapedName) is the overlay itself") }
        stack.append(folder)
      case S_IFLNK:
        links += 1
        guard links <= Self.mostLinks else {
          throw .conflict("\(done.escapedName): too many symbolic links")
        }
        guard isTrusted(folder.status, in: parent.status) else {
          throw .conflict(
            "\(done.escapedName) is a symbolic link that users can change, and is not followed")
        }
        guard let target = folder.target(of: []) else { throw failure("read", done) }
        if target.first == UInt8(ascii: "/") { stack = [root] }
        rest = (target.split(separator: UInt8(ascii: "/")).map { Array($0) } + rest)[...]
      default: throw .conflict("\(done.escapedName) is there and is no directory")
      }
    }
    return stack[stack.count - 1]
  }

  private func step(into name: [UInt8], of folder: TargetFolder) -> Int32 {
    name.withCPath { openat(folder.descriptor, $0, O_PATH | O_NOFOLLOW | O_CLOEXEC) }
  }

  /// Whether nobody but root, or the user who runs this, can have put a link there.
  private func isTrusted(_ link: stat, in folder: stat) -> Bool {
    let trusted = [0, geteuid()]
    return trusted.contains(link.st_uid) && trusted.contains(folder.st_uid)
      && folder.st_mode & 0o022 == 0
  }

  private func make(_ name: [UInt8], in parent: TargetFolder) throws(Obstacle) -> Int32 {
    guard name.withCPath({ mkdirat(parent.descriptor, $0, 0o700) }) == 0 else {
      throw failure("make", name)
    }
    let made = name.withCPath {
      openat(parent.descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    guard made >= 0 else { throw failure("open", name) }
    // In a directory of somebody else's it may be another one by now; an empty one does no harm.
    var status = stat()
    guard fstat(made, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o777 == 0o700,
      (try? TargetFolder(dup(made)).names())?.isEmpty == true
    else {
      close(made)
      throw .conflict("\(name.escapedName) was changed while it was made")
    }
    // The owner first: changing it takes set-id bits away.
    if fchown(made, parent.status.st_uid, parent.status.st_gid) != 0 && geteuid() == 0 {
      close(made)
      throw failure("give away", name)
    }
    fchmod(made, parent.status.st_mode & 0o7777)
    return made
  }

  private func failure(_ action: String, _ name: [UInt8]) -> Obstacle {
    .conflict("cannot \(action) \(name.escapedName): \(String(cString: strerror(errno)))")
  }
}

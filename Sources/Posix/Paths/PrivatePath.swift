import Glibc

/// Paths that only root and the user who runs this can redirect.
public enum PrivatePath {
  /// Why a path is not private.
  public struct Problem: Error, CustomStringConvertible {
    /// The directory or link that others can change: the path, or part of the way to it.
    public var path: HostPath

    public var description: String {
      "\(path.escapedName): users can change this; let only root own and write it"
        + " else"
    }
  }

  /// Checks every directory and link on the way, from the root on: a directory that only root can
  /// change keeps the entries seen in it.
  ///
  /// Others may write in a directory on the way if it is sticky, like `/tmp`: they cannot move
  /// root's entries there. Whatever does not exist yet belongs to nobody.
  ///
  /// - Parameter path: absolute.
  public static func check(_ path: HostPath) throws(Problem) {
    let trusted = [0, geteuid()]
    var way = HostPath.root
    var rest = names(of: path.bytes)
    var links = 0
    while let part = rest.popFirst() {
      if part == .current { continue }
      if part == .parent {
        way = way.parent
        continue
      }
      let next = way.appending(part)
      guard let status = stat(at: next.bytes, followsLinks: false) else { return }
      guard trusted.contains(status.st_uid) else { throw Problem(path: next) }
      guard status.isLink else {
        let isSticky = status.st_mode & S_ISVTX != 0 && !rest.isEmpty
        guard status.st_mode & 0o022 == 0 || isSticky else { throw Problem(path: next) }
        way = next
        continue
      }
      links += 1
      guard links <= LinuxLimits.mostLinks, let target = readLink(next.bytes) else {
        throw Problem(path: next)
      }
      if target.isAbsolutePath { way = .root }
      rest = (names(of: target) + rest)[...]
    }
  }

  private static func names(of path: [UInt8]) -> ArraySlice<Name> {
    path.pathComponents.map { Name(unchecked: Array($0)) }[...]
  }
}

import CLinux
import Glibc
public import Posix

/// The folder below the mount root in which to look up a key.
///
/// autofs runs the map in the directory where it is about to mount; for a folder of images, that
/// is a directory below the mount root.
public struct MapLevel: Equatable, Sendable {
  /// The path below the mount root: empty for the top, or `course1/week1`.
  public let path: RelativePath

  public static let top = MapLevel(path: .root)

  public init(path: RelativePath) { self.path = path }

  /// The level of the working directory: the top if it is outside the mount root.
  ///
  /// - Throws: `MapRefusal` if autofs serves another mount root than the configured one: the level
  ///   is then unknown, and the answer could be another folder's image.
  static func current(mountRoot: HostPath, key: [UInt8]) throws(MapRefusal) -> MapLevel {
    guard let here = getcwd(nil, 0) else {
      throw MapRefusal(
        .machine, key, "cannot find the working directory: \(SystemError.reason())")
    }
    defer { free(here) }
    let path = HostPath([UInt8](cString: here))
    if let path = path.relative(to: mountRoot) { return MapLevel(path: path) }
    // A mount root with a link in its path appears here under its real path.
    if let resolved = mountRoot.withCPath({ realpath($0, nil) }) {
      defer { free(resolved) }
      if let path = path.relative(to: HostPath([UInt8](cString: resolved))) {
        return MapLevel(path: path)
      }
    }
    var system = statfs()
    let isAskedByAutofs = getenv("AUTOFS_UID") != nil
    if isAskedByAutofs || statfs(".", &system) == 0 && system.f_type == autofsMagic {
      throw MapRefusal(
        .machine, key,
        "autofs asks in \(path.shortenedName), but mount-root is \(mountRoot.shortenedName)"
          + " in \(Configuration.path.shortenedName); run 'autosquash setup'")
    }
    return .top
  }

  /// `AUTOFS_SUPER_MAGIC` in linux/magic.h.
  private static let autofsMagic = 0x0187

  /// The path of a name on this level, below the mount root or the folder with the images.
  func appending(_ name: Name) -> RelativePath { path.appending(name) }
}

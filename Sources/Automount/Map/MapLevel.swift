internal import CLinux
internal import Glibc
internal import Posix

/// The folder below the mount root that a key is looked up in.
///
/// autofs runs the map in the directory where it is about to mount, which for a folder among the
/// images is one below the mount root.
public struct MapLevel: Equatable, Sendable {
  /// The path below the mount root: empty for the top, else `course1/week1`.
  public let path: [UInt8]

  public static let top = MapLevel(path: [])

  /// - Parameter path: components with one slash between them.
  public init(path: [UInt8]) { self.path = path }

  /// The level that the working directory stands for: the top outside the mount root.
  ///
  /// - Throws: `MapRefusal` when autofs asks for another mount root than the configured one, where
  ///   the level cannot be known and the answer could be another folder's image.
  static func current(mountRoot: [UInt8], key: [UInt8]) throws(MapRefusal) -> MapLevel {
    guard let here = getcwd(nil, 0) else {
      throw MapRefusal(
        .machine, key, "cannot tell the working directory: \(String(cString: strerror(errno)))")
    }
    defer { free(here) }
    let path = [UInt8](cString: here)
    if let level = below(mountRoot, path) { return level }
    // A mount root with a link in its path has another one by now.
    if let resolved = mountRoot.withCPath({ realpath($0, nil) }) {
      defer { free(resolved) }
      if let level = below([UInt8](cString: resolved), path) { return level }
    }
    var system = statfs()
    let isAskedByAutofs = getenv("AUTOFS_UID") != nil
    if isAskedByAutofs || statfs(".", &system) == 0 && system.f_type == autofsMagic {
      throw MapRefusal(
        .machine, key,
        "asked by autofs at \(path.shortenedName), but mount-root is \(mountRoot.shortenedName)"
          + " in \(Configuration.path.shortenedName); run 'autosquash setup'")
    }
    return .top
  }

  private static func below(_ root: [UInt8], _ path: [UInt8]) -> MapLevel? {
    guard path.starts(with: root) else { return nil }
    if path.count == root.count { return .top }
    guard path[root.count] == UInt8(ascii: "/") else { return nil }
    return MapLevel(path: Array(path[(root.count + 1)...]))
  }

  /// `AUTOFS_SUPER_MAGIC` of linux/magic.h.
  private static let autofsMagic = 0x0187

  /// The path of a name on this level, below the mount root or the folder with the images.
  func appending(_ name: [UInt8]) -> [UInt8] {
    path.isEmpty ? name : path + [UInt8(ascii: "/")] + name
  }
}

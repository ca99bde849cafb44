import Automount
import Glibc
import ImageMount
import Posix

/// Folders to mount on, and mounts at folders.
enum MountFolder {
  /// Makes sure that an image can be mounted on a folder.
  ///
  /// - Returns: its absolute path.
  /// - Throws: `MountError`.
  static func check(_ folder: [UInt8]) throws(MountError) -> [UInt8] {
    let path = absolute(folder)
    if let mount = try mount(at: path), mount.type == MountTable.Mount.ownType {
      throw MountError(
        .refused,
        "\(mount.source.escapedName) is mounted here already; \"autosquash unmount "
          + "\(folder.shellWord)\" ends that")
    }
    guard let status = stat(at: path) else {
      let missing = errno == ENOENT
      throw MountError(
        .refused,
        missing
          ? "no such folder; \"mkdir \(folder.shellWord)\" makes it"
          : "\(SystemError("open", path: path))")
    }
    guard status.isDirectory else { throw MountError(.refused, "this is not a folder") }
    return path
  }

  /// The topmost mount exactly at a path.
  static func mount(at path: [UInt8]) throws(MountError) -> MountTable.Mount? {
    do throws(SystemError) {
      return try MountTable.current().mount(at: HostPath(path))
    } catch { throw MountError(.impossible, "the table of mounts: \(error)") }
  }

  /// The absolute path of a folder, without links. It may be a mount whose program has ended, which
  /// the system cannot look at.
  static func absolute(_ folder: [UInt8]) -> [UInt8] {
    if let path = realPath(folder) { return path }
    let path = Array(fromRoot(folder).withoutTrailingSlashes)
    guard let slash = path.lastIndex(of: pathSeparator), slash > 0,
      let parent = realPath(Array(path[..<slash]))
    else { return path }
    return parent + path[slash...]
  }

  /// A path as one from the root.
  static func fromRoot(_ path: [UInt8]) -> [UInt8] {
    guard !path.isAbsolutePath, let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return [UInt8](cString: current).joined(to: path)
  }

  private static func realPath(_ path: [UInt8]) -> [UInt8]? {
    path.withCPath { path in
      guard let found = realpath(path, nil) else { return nil }
      defer { free(found) }
      return [UInt8](cString: found)
    }
  }
}

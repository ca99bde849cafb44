import Glibc
package import Posix

/// Why a cache cannot be used.
package struct CacheError: Error, CustomStringConvertible {
  /// The folder, or part of the way to it.
  package var path: HostPath
  /// What is wrong with it, and what to do.
  package var message: String

  package var description: String { "\(path.escapedName): \(message)" }
}

/// The folder of a cache: nobody but its owner may read or change what is in it.
package enum CacheFolder {
  /// Where caches are if the user names no place: one for all mounts of root, and one for each user.
  package static func standardPath() -> HostPath {
    let home = getenv("HOME") ?? getpwuid(geteuid())?.pointee.pw_dir
    return standardPath(
      user: geteuid(), cacheHome: getenv("XDG_CACHE_HOME").map { String(cString: $0) },
      home: home.map { String(cString: $0) } ?? "/")
  }

  /// - Parameter cacheHome: XDG_CACHE_HOME, which counts only if it is absolute (XDG Base Directory
  ///   Specification).
  static func standardPath(user: uid_t, cacheHome: String?, home: String) -> HostPath {
    if user == 0 { return "/var/cache/autosquash" }
    if let cacheHome, cacheHome.hasPrefix("/") {
      return HostPath(cacheHome).appending("autosquash" as Name)
    }
    return HostPath(home).appending(".cache" as Name).appending("autosquash" as Name)
  }

  /// Opens a cache's folder; makes it, and the one it is in, if they are missing.
  static func open(_ path: HostPath) throws(CacheError) -> Folder {
    make(path)
    let folder: Folder
    do throws(SystemError) {
      let flags = O_PATH | O_DIRECTORY | O_NOFOLLOW
      folder = try Folder(
        Descriptor(opening: Array(path.bytes.withoutTrailingSlashes), flags), path: path)
    } catch {
      if stat(at: path, followsLinks: false)?.isLink == true {
        throw CacheError(path: path, message: "a symbolic link; name the folder it leads to")
      }
      throw CacheError(path: path, message: error.description)
    }
    guard folder.status.st_uid == geteuid() else {
      throw CacheError(
        path: path, message: "belongs to another user; choose another folder for the cache")
    }
    guard folder.status.st_mode & 0o022 == 0 else {
      throw CacheError(
        path: path, message: "others may write into it; run chmod 700 \(path.shellWord)")
    }
    // Root's mounts are for everybody, so nobody else may put another folder in this one's place.
    if geteuid() == 0, path.isAbsolute {
      do throws(PrivatePath.Problem) { try PrivatePath.check(path) } catch {
        throw CacheError(
          path: error.path,
          message: "other users can change this; choose a folder for the cache that only root can")
      }
    }
    return folder
  }

  /// Whether it succeeds shows when the folder is opened.
  private static func make(_ path: HostPath) {
    let made = path.withCPath { mkdir($0, 0o700) }
    guard made != 0, errno == ENOENT else { return }
    _ = path.parent.withCPath { mkdir($0, 0o700) }
    _ = path.withCPath { mkdir($0, 0o700) }
  }
}

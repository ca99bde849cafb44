import Glibc
import Packing
import Posix

/// Explains why a file cannot be made under its name, and what to do.
enum OutputFault {
  /// - Returns: `nil` for errors that explain themselves.
  static func reason(of error: SystemError) -> String? {
    guard ["create", "replace"].contains(error.action) else { return nil }
    switch error.code {
    case EEXIST, EISDIR, EINVAL: return reasonOfTaken(error.path)
    case ENOENT:
      if RemoteName.isRemote(error.path) { return RemoteName.cannotWrite }
      let folder = folder(of: error.path)
      guard stat(at: folder) == nil else { return nil }
      return
        "there is no directory \(folder.escapedName); make it with: mkdir -p \(folder.shellWord)"
    case ENOTDIR: return "\(folder(of: error.path).escapedName) is not a directory"
    default: return nil
    }
  }

  private static func reasonOfTaken(_ path: [UInt8]) -> String? {
    guard let status = stat(at: path, followsLinks: false) else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG, S_IFLNK: return "exists already; --force replaces it"
    case S_IFDIR: return "is a directory; move it away, or choose another name"
    case S_IFCHR, S_IFBLK: return "is a device, not a file; -o - >\(path.shellWord) writes to it"
    case S_IFIFO: return "is a pipe, not a file; -o - >\(path.shellWord) writes to it"
    default: return "is a socket; choose another name"
    }
  }

  /// The directory that a file is to be made in: with a slash at the end, the path names it itself.
  private static func folder(of path: [UInt8]) -> HostPath {
    path.last == pathSeparator
      ? HostPath(Array(path.withoutTrailingSlashes)) : HostPath(path).parent
  }
}

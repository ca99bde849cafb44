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
      let folder = HostPath(error.path).parent
      guard stat(at: folder) == nil else { return nil }
      return
        "there is no directory \(folder.escapedName); make it with: mkdir -p \(folder.shellWord)"
    case ENOTDIR: return "\(HostPath(error.path).parent.escapedName) is not a directory"
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
}

import CLinux
import Glibc
import Posix

/// The folder with the images, held open: all lookups start here, and none leaves it.
final class ImageFolder: Sendable {
  private let opened: Descriptor
  private let resolve: UInt64
  private let mayLeave: Bool
  /// Whether to refuse anything on another device.
  let staysOnDevice: Bool

  /// - Parameters:
  ///   - path: the folder's path.
  ///   - mayLeave: whether links may lead out of it.
  ///   - staysOnDevice: whether to refuse, with `EXDEV`, what another file system is mounted on.
  init(_ path: HostPath, mayLeave: Bool, staysOnDevice: Bool) throws(SystemError) {
    guard let opened = Descriptor(opening: path.bytes, O_PATH | O_DIRECTORY) else {
      throw SystemError("open", path: path)
    }
    self.opened = opened
    self.mayLeave = mayLeave
    self.staysOnDevice = staysOnDevice
    resolve =
      UInt64(clinux_resolve_no_magiclinks)
      | (mayLeave ? 0 : UInt64(clinux_resolve_beneath))
      | (staysOnDevice ? UInt64(clinux_resolve_no_xdev) : 0)
  }

  /// Opens a file below the folder for reading; never waits for a writer of a pipe.
  ///
  /// - Returns: `nil` with `errno` on failure; `EXDEV` for a path that leads outside.
  func open(_ path: RelativePath) -> Descriptor? { open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) }

  /// Opens a folder below this one, without reading it.
  func openFolder(_ path: RelativePath) -> Descriptor? { open(path, O_PATH | O_DIRECTORY) }

  /// Opens a file below the folder without reading it, which is enough for its size.
  func openPath(_ path: RelativePath) -> Descriptor? { open(path, O_PATH) }

  /// Opens a folder below this one, or this one itself, for listing.
  func openForListing(_ path: RelativePath) -> Descriptor? { open(path, O_RDONLY | O_DIRECTORY) }

  private func open(_ path: RelativePath, _ flags: Int32) -> Descriptor? {
    let bytes = path.isRoot ? Name.current.bytes : path.bytes
    let found = bytes.withCPath { path in
      // EAGAIN: something was renamed at the same moment, or somebody holds a lease.
      for _ in 0..<Self.attempts {
        let found = clinux_openat2(opened.number, path, UInt64(flags | O_CLOEXEC), resolve)
        if found >= 0 || (errno != EINTR && errno != EAGAIN) { return found }
      }
      return -1
    }
    // A sandbox that does not know openat2 answers "not permitted".
    if found < 0 && (errno == ENOSYS || errno == EPERM) { return openStepwise(path, flags) }
    return Descriptor(found)
  }

  private static let attempts = 16

  /// For Linux before 5.6: follows no links at all, unless they may lead anywhere.
  private func openStepwise(_ path: RelativePath, _ flags: Int32) -> Descriptor? {
    guard let last = path.name else {
      return Descriptor(opening: Name.current.bytes, flags, in: opened.number)
    }
    if mayLeave { return Descriptor(opening: path.bytes, flags, in: opened.number) }
    var folder: Descriptor?
    for name in path.parent.names {
      let step = O_PATH | O_DIRECTORY | O_NOFOLLOW
      guard
        let next = Descriptor(opening: name.bytes, step, in: folder?.number ?? opened.number)
      else { return nil }
      folder = consume next
    }
    let start = folder?.number ?? opened.number
    if let found = Descriptor(opening: last.bytes, flags | O_NOFOLLOW, in: start) { return found }
    if errno == ELOOP { errno = EXDEV }
    return nil
  }

  /// Whether reading the folder may block on a program or a network: it is not on a local disk.
  ///
  /// Asks nobody: no component of the path is entered that could block.
  static func mayHang(_ path: HostPath) -> Bool {
    let bytes = path.bytes
    var end = 0
    while end < bytes.count {
      end = bytes[(end + 1)...].firstIndex(of: pathSeparator) ?? bytes.count
      let answer = Array(bytes[..<end]).withCPath { clinux_may_hang($0) }
      if answer != 0 { return answer > 0 }
    }
    return false
  }
}

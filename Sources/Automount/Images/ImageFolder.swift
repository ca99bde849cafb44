internal import CLinux
internal import Glibc
internal import Posix

/// The folder with the images, open: everything is looked up from here, and nothing outside.
final class ImageFolder: Sendable {
  private let descriptor: Int32
  private let resolve: UInt64
  private let mayLeave: Bool
  /// Whether what is on another device is refused.
  let staysOnDevice: Bool

  /// - Parameters:
  ///   - path: the folder's path.
  ///   - mayLeave: whether links may lead out of it.
  ///   - staysOnDevice: whether what another file system is mounted on is refused, with `EXDEV`.
  init(_ path: [UInt8], mayLeave: Bool, staysOnDevice: Bool) throws(SystemError) {
    let descriptor = path.withCPath { Glibc.open($0, O_PATH | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw SystemError("open", path: path) }
    self.descriptor = descriptor
    self.mayLeave = mayLeave
    self.staysOnDevice = staysOnDevice
    resolve =
      UInt64(clinux_resolve_no_magiclinks)
      | (mayLeave ? 0 : UInt64(clinux_resolve_beneath))
      | (staysOnDevice ? UInt64(clinux_resolve_no_xdev) : 0)
  }

  deinit { close(descriptor) }

  /// Opens a file below the folder for reading; never waits for a writer of a pipe.
  ///
  /// - Parameter path: relative, without `..`.
  /// - Returns: the descriptor, or -1 and `errno`, `EXDEV` for what lies outside.
  func open(_ path: [UInt8]) -> Int32 {
    open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
  }

  /// Opens a folder below this one, without reading it.
  func openFolder(_ path: [UInt8]) -> Int32 { open(path, O_PATH | O_DIRECTORY) }

  /// Opens a file below the folder without reading it, which tells its size.
  func openPath(_ path: [UInt8]) -> Int32 { open(path, O_PATH) }

  /// Opens a folder below this one for listing.
  func openForListing(_ path: [UInt8]) -> Int32 {
    open(path.isEmpty ? [UInt8(ascii: ".")] : path, O_RDONLY | O_DIRECTORY)
  }

  private func open(_ path: [UInt8], _ flags: Int32) -> Int32 {
    let opened = path.withCPath { path in
      // EAGAIN: something was renamed at the same moment, or somebody holds a lease.
      for _ in 0..<Self.attempts {
        let opened = clinux_openat2(descriptor, path, UInt64(flags | O_CLOEXEC), resolve)
        if opened >= 0 || (errno != EINTR && errno != EAGAIN) { return opened }
      }
      return -1
    }
    // A sandbox that knows no openat2 says that it is not permitted.
    return opened < 0 && (errno == ENOSYS || errno == EPERM) ? openStepwise(path, flags) : opened
  }

  private static let attempts = 16

  /// For Linux before 5.6: follows no links at all, unless they may lead anywhere.
  private func openStepwise(_ path: [UInt8], _ flags: Int32) -> Int32 {
    if mayLeave { return path.withCPath { openat(descriptor, $0, flags | O_CLOEXEC) } }
    var folder = descriptor
    defer { if folder != descriptor { close(folder) } }
    var rest = path[...]
    while let slash = rest.firstIndex(of: UInt8(ascii: "/")) {
      let next = Array(rest[..<slash]).withCPath {
        openat(folder, $0, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      guard next >= 0 else { return -1 }
      if folder != descriptor { close(folder) }
      folder = next
      rest = rest[(slash + 1)...]
    }
    let opened = Array(rest).withCPath { openat(folder, $0, flags | O_NOFOLLOW | O_CLOEXEC) }
    if opened < 0 && errno == ELOOP { errno = EXDEV }
    return opened
  }

  /// Whether reading the folder may wait for a program or a network: it is not on a local disk.
  ///
  /// Asks nobody: no component of the path is entered that could make this wait.
  static func mayHang(_ path: [UInt8]) -> Bool {
    var end = 0
    while end < path.count {
      end = path[(end + 1)...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
      let answer = Array(path[..<end]).withCPath { clinux_may_hang($0) }
      if answer != 0 { return answer > 0 }
    }
    return false
  }
}

import CLinux
import Glibc
import Posix

/// A folder on which an image is mounted.
package struct MountPoint: Sendable {
  /// The absolute path.
  package let path: [UInt8]
  /// The mount's number, which no other mount has.
  private let number: Int64

  /// - Returns: `nil` if nothing is mounted exactly there.
  package init?(_ path: [UInt8]) {
    number = path.withCPath { clinux_mount_at($0) }
    guard number > 0 else { return nil }
    self.path = path
  }

  /// A mount on top of an earlier one.
  init?(_ path: [UInt8], after earlier: MountPoint?) {
    guard let mount = MountPoint(path), mount.number != earlier?.number else { return nil }
    self = mount
  }

  /// Whether this mount is still the topmost one at its place.
  private var isThere: Bool { path.withCPath { clinux_mount_at($0) } == number }

  /// Unmounts it, unless it is gone.
  ///
  /// - Parameter isLazy: whether to take it out of sight if it is in use.
  /// - Throws: `MountError`.
  package func unmount(isLazy: Bool) throws(MountError) {
    guard isThere else { return }
    if geteuid() == 0 {
      let flags = isLazy ? MNT_DETACH | UMOUNT_NOFOLLOW : UMOUNT_NOFOLLOW
      let status = path.withCPath { umount2($0, Int32(flags)) }
      guard status == 0 || !isThere else {
        throw errno == EBUSY
          ? MountError(.busy, "in use") : MountError(.impossible, "\(SystemError("unmount"))")
      }
      return
    }
    try Fusermount.unmount(path, isLazy: isLazy)
  }
}

/// fusermount3, which mounts and unmounts for users who may not.
enum Fusermount {
  static let name = "fusermount3"

  static func unmount(_ path: [UInt8], isLazy: Bool) throws(MountError) {
    let command = [name, "-u"] + (isLazy ? ["-z"] : []) + ["--"]
    let (result, output) = CapturedErrors.during { () -> Result<Int32, SystemError> in
      Result { () throws(SystemError) in
        try ChildProcess.run(command.map { Array($0.utf8) } + [path]).status
      }
    }
    switch result {
    case .success(0): return
    case .success:
      let text = String(decoding: output, as: UTF8.self)
      throw text.contains("busy")
        ? MountError(.busy, "in use") : MountError.explaining(output, "unmount")
    case .failure:
      throw MountError(
        .impossible,
        "unmounting needs \(name), which is missing; on Debian, \"apt-get install fuse3\" installs it"
      )
    }
  }
}

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

  /// Whether the program behind it has ended. Before Linux 6.8, a later mount may have its number.
  var isDead: Bool {
    isListed && isThere && path.withCPath { clinux_mount_is_dead($0) } != 0
  }

  /// Whether anything is mounted there, without a look at the path: if nothing is, autofs would mount
  /// the image again, or have us wait for an automounter that is about to end.
  private var isListed: Bool {
    guard let table = try? SmallFile.read("/proc/self/mountinfo", limit: 64 << 20) else {
      return true
    }
    return table.split(separator: UInt8(ascii: "\n")).contains { line in
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5)
      return fields.count == 6 && fields[4].decodingMountField == path
    }
  }

  /// Unmounts it, unless it is gone.
  ///
  /// - Parameter isLazy: whether to take it out of sight if it is in use.
  /// - Throws: `MountError`.
  package func unmount(isLazy: Bool) throws(MountError) {
    guard isThere else { return }
    guard geteuid() == 0 else { return try Fusermount.unmount(path, isLazy: isLazy) }
    let flags = isLazy ? MNT_DETACH | UMOUNT_NOFOLLOW : UMOUNT_NOFOLLOW
    if path.withCPath({ umount2($0, Int32(flags)) }) == 0 { return }
    switch errno {
    case EBUSY: throw MountError(.busy, "in use")
    // A superuser of a container alone may mount as other users do.
    case EPERM: try Fusermount.unmount(path, isLazy: isLazy)
    default:
      let error = SystemError("unmount")
      if isThere { throw MountError(.impossible, "\(error)") }
    }
  }
}

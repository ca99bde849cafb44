import CLinux
import Glibc
import Posix
import TreeModel

/// Gives files their owner, mode, attributes and time, where the user may.
struct FileFinish {
  private let attributes: Attributes
  private let xattrs: [ExtendedAttribute]
  private let context: ExtractionContext

  init(_ attributes: Attributes, _ xattrs: [ExtendedAttribute], _ context: ExtractionContext) {
    self.attributes = attributes
    self.xattrs = xattrs
    self.context = context
  }

  /// Finishes an open file or directory.
  ///
  /// - Returns: whether mode and time could be set; `errno` says why not.
  func apply(toOpen descriptor: Int32, isRegular: Bool) -> Bool {
    // In this order: changing the owner clears set-id bits and capabilities.
    let isOwned = setOwner { fchown(descriptor, $0, $1) }
    for attribute in xattrs {
      let status = attribute.name.withCPath { name in
        attribute.value.withUnsafeBytes {
          fsetxattr(descriptor, name, $0.baseAddress, $0.count, 0)
        }
      }
      if status != 0 { context.countDroppedXattr() }
    }
    let isMode = fchmod(descriptor, mode(keepsSetID: isOwned || !isRegular)) == 0
    return withTimes { futimens(descriptor, $0) } == 0 && isMode
  }

  /// Finishes a file made with its mode, except for the set-id bits.
  func apply(toNew descriptor: Int32, hasRightOwner: Bool, hasRightMode: Bool) -> Bool {
    if !hasRightMode || !xattrs.isEmpty || attributes.permissions & 0o7000 != 0
      || (context.isRoot && !hasRightOwner)
    {
      return apply(toOpen: descriptor, isRegular: true)
    }
    return withTimes { futimens(descriptor, $0) } == 0
  }

  /// Finishes a link, device, fifo or socket.
  ///
  /// - Parameter descriptor: opened with O_PATH; never touches another file under the same name.
  func apply(toPath descriptor: Int32, isLink: Bool) -> Bool {
    let path = Array("/proc/self/fd/\(descriptor)".utf8)
    _ = setOwner { fchownat(descriptor, "", $0, $1, AT_EMPTY_PATH) }
    // Through the descriptor, which works for a link without following it. (It cannot have user.*
    // attributes.)
    for attribute in xattrs {
      let status = path.withCPath { path in
        attribute.name.withCPath { key in
          attribute.value.withUnsafeBytes { setxattr(path, key, $0.baseAddress, $0.count, 0) }
        }
      }
      if status != 0 { context.countDroppedXattr() }
    }
    // Set-id bits mean nothing here, and links have no mode.
    if !isLink, path.withCPath({ chmod($0, mode(keepsSetID: false)) }) != 0 { return false }
    if withTimes({ utimensat(descriptor, "", $0, AT_EMPTY_PATH) }) == 0 { return true }
    // Impossible before Linux 5.8; there a link cannot get its time at all.
    guard errno == EINVAL else { return false }
    return isLink
      || withTimes { times in path.withCPath { utimensat(AT_FDCWD, $0, times, 0) } } == 0
  }

  /// - Returns: whether the file has its owner, or the user cannot give it away.
  private func setOwner(_ change: (uid_t, gid_t) -> Int32) -> Bool {
    guard context.isRoot else { return false }
    // chown takes this number for "unchanged"; nobody has it.
    guard attributes.uid != .max, attributes.gid != .max,
      change(attributes.uid, attributes.gid) == 0
    else {
      context.countLostOwner()
      return false
    }
    return true
  }

  /// The mode without set-id bits that would grant the wrong user's rights.
  private func mode(keepsSetID: Bool) -> mode_t {
    var mode = mode_t(attributes.permissions)
    if !keepsSetID && mode & 0o6000 != 0 {
      mode &= ~0o6000
      context.countDroppedSetID()
    }
    return mode
  }

  private func withTimes<R>(_ body: (UnsafePointer<timespec>) -> R) -> R {
    let time = timespec(tv_sec: time_t(attributes.modified), tv_nsec: 0)
    return withUnsafeBytes(of: (time, time)) {
      body($0.baseAddress!.assumingMemoryBound(to: timespec.self))
    }
  }
}

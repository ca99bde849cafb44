import CLinux
import Glibc
import Posix

/// A file with several names, whose first one may not exist yet.
///
/// It is held open until it has all its names, so that no other file can get its number and pass
/// for it. If there are more such files than may be open, data that only this user and the kernel
/// can write distinguish it from another file with its number.
final class MadeFile: @unchecked Sendable {
  /// The path of the first name.
  let wanted: [UInt8]
  /// Identifies the file in its source.
  let source: UInt64
  // Written by one thread, read after the pool is drained.
  private(set) var name: HardLinker.Name?
  /// A descriptor opened with O_PATH; -1 if the file is not held.
  private(set) var held: Int32 = -1
  private var identity: Identity?
  private var size: off_t = 0
  private var modified: time_t = 0
  private var context: ExtractionContext?

  init(wanted: [UInt8], source: UInt64) {
    self.wanted = wanted
    self.source = source
  }

  deinit {
    guard held >= 0 else { return }
    close(held)
    context?.releaseFile()
  }

  private struct Identity: Equatable {
    var device: dev_t
    var inode: ino_t
    /// The permissions and the type.
    var mode: mode_t
    /// Others cannot give a file of theirs to root.
    var owner: uid_t
    /// Of the last change to the inode, which nobody can set.
    var seconds: time_t
    var nanoseconds: Int

    init(_ status: stat) {
      device = status.st_dev
      inode = status.st_ino
      mode = status.st_mode
      owner = status.st_uid
      seconds = status.st_ctim.tv_sec
      nanoseconds = status.st_ctim.tv_nsec
    }
  }

  /// Call it when the file has its first name.
  ///
  /// - Parameter descriptor: of the file; remains the caller's.
  func appear(as name: [UInt8], in directory: OutputDirectory, _ descriptor: Int32) {
    guard let status = stat(of: descriptor) else { return }
    self.name = HardLinker.Name(name, in: directory)
    identity = Identity(status)
    size = status.st_size
    modified = status.st_mtim.tv_sec
    guard directory.context.holdFile() else { return }
    // Do not copy the descriptor: a program open for writing cannot be run.
    held = reopen(in: directory.descriptor)
    if held >= 0 { context = directory.context } else { directory.context.releaseFile() }
  }

  /// Opens the first name, if it still is this file.
  ///
  /// - Returns: the descriptor, or -1.
  func reopen(in directory: Int32) -> Int32 {
    guard let opened = Descriptor(opening: name!.name, O_PATH | O_NOFOLLOW, in: directory),
      stat(of: opened.number).map(Identity.init) == identity
    else { return -1 }
    return opened.release()
  }

  /// Whether it already has a name.
  ///
  /// - Parameter orCopy: whether a copy counts, judging by size and time.
  func has(_ name: [UInt8], in directory: Int32, orCopy: Bool) -> Bool {
    guard let status = stat(name, in: directory) else { return false }
    if status.st_dev == identity?.device && status.st_ino == identity?.inode { return true }
    return orCopy && status.isRegular && (identity?.mode ?? 0) & S_IFMT == S_IFREG
      && status.st_size == size && status.st_mtim.tv_sec == modified
  }

  /// Call it after linking, which changes the inode.
  func noteLinked(_ descriptor: Int32) {
    if let status = stat(of: descriptor) { identity = Identity(status) }
  }
}

import CLinux
import Glibc
import Posix
import Synchronization
import TreeModel

/// A regular file being extracted: any number of threads write it, and it gets its name when it
/// is complete.
final class OutputFile: @unchecked Sendable {
  let directory: OutputDirectory
  let name: [UInt8]
  private let size: UInt64
  private let attributes: Attributes
  private let xattrs: [ExtendedAttribute]
  private let descriptor: Int32
  /// `nil` for a file without any name yet.
  private let hiddenName: [UInt8]?
  /// Removes the hidden name if the program ends early.
  private let reminder: UnsafeMutablePointer<clinux_hidden>?

  /// Opens a file without a name, or with a hidden one if the file system requires a name.
  ///
  /// - Returns: `nil` on failure, which has been reported.
  init?(
    _ name: [UInt8], in directory: OutputDirectory, size: UInt64, _ attributes: Attributes,
    _ xattrs: [ExtendedAttribute]
  ) {
    self.name = name
    self.directory = directory
    self.size = size
    self.attributes = attributes
    self.xattrs = xattrs
    if !directory.context.replaces, stat(name, in: directory.descriptor) != nil {
      directory.context.failAsExisting(directory.path(of: name))
      return nil
    }
    let unnamed = openat(directory.descriptor, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0o600)
    // The file gets its name through /proc, which a bare chroot may not have.
    if unnamed >= 0 && access("/proc/self/fd/\(unnamed)", F_OK) == 0 {
      descriptor = unnamed
      hiddenName = nil
      reminder = nil
      return
    }
    if unnamed >= 0 { close(unnamed) }
    let hidden = OutputDirectory.hiddenName()
    hiddenName = hidden
    let reminder = UnsafeMutablePointer<clinux_hidden>.allocate(capacity: 1)
    self.reminder = reminder
    descriptor = directory.withUnfinished { isMade in
      let opened = hidden.withCPath {
        openat(
          directory.descriptor, $0, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0o600)
      }
      let code = errno
      if opened >= 0 { Self.remember(hidden, in: directory, reminder) }
      errno = code
      return opened
    }
    guard descriptor >= 0 else {
      directory.failToCreate(name)
      return nil
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if descriptor >= 0, let hiddenName, let reminder {
      if !isFinished { _ = hiddenName.withCPath { unlinkat(directory.descriptor, $0, 0) } }
      clinux_hidden_remove(reminder)
    }
    reminder?.deallocate()
  }

  private static func remember(
    _ hidden: [UInt8], in directory: OutputDirectory,
    _ reminder: UnsafeMutablePointer<clinux_hidden>
  ) {
    reminder.initialize(to: clinux_hidden())
    reminder.pointee.folder = directory.descriptor
    withUnsafeMutableBytes(of: &reminder.pointee.name) { $0.copyBytes(from: hidden.prefix(63)) }
    clinux_hidden_add(reminder)
  }

  private var isFinished = false

  /// Writes bytes at an offset; ranges never written become holes.
  ///
  /// - Throws: `SystemError`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      let count = retryingInterrupts {
        pwrite(
          descriptor, bytes.baseAddress! + done, bytes.count - done,
          off_t(offset) + off_t(done))
      }
      guard count > 0 else { throw SystemError("write", path: directory.path(of: name)) }
      done += count
    }
  }

  /// Sets size, owner, mode and time, and gives the file its name.
  ///
  /// - Parameter made: learns of it, if the file has several names.
  /// - Returns: whether the file exists; a failure has been reported.
  func finish(_ made: MadeFile? = nil) -> Bool {
    guard complete(name), appear(as: name, replaces: directory.context.replaces) else {
      return false
    }
    isFinished = true
    directory.context.countMade()
    made?.appear(as: name, in: directory, descriptor)
    return true
  }

  /// Gives an incomplete file a name that says so.
  ///
  /// - Returns: the name; `nil` on failure, which has been reported.
  func finishDamaged() -> [UInt8]? {
    guard complete(name) else { return nil }
    for number in 1...Self.mostDamaged {
      let suffix = Array((number == 1 ? ".damaged" : ".damaged-\(number)").utf8)
      let other = Array(name.prefix(LinuxLimits.longestName - suffix.count)) + suffix
      let taken = stat(other, in: directory.descriptor)
      let replaces = directory.context.replaces && taken?.isDirectory != true
      if taken != nil && !replaces { continue }
      guard appear(as: other, replaces: replaces) else { return nil }
      isFinished = true
      directory.context.countMade()
      return other
    }
    directory.context.fail(directory.path(of: name), "there are too many .damaged files")
    return nil
  }

  private static let mostDamaged = 100

  private func complete(_ name: [UInt8]) -> Bool {
    // Only at the end do network file systems report a full or broken disk.
    guard ftruncate(descriptor, off_t(clamping: size)) == 0, flush(descriptor) == 0 else {
      directory.context.fail(directory.path(of: name), action: "write")
      return false
    }
    // A file with other attributes is better than none; failures were counted or reported.
    if !FileFinish(attributes, xattrs, directory.context)
      .apply(toOpen: descriptor, isRegular: true)
    {
      directory.context.fail(directory.path(of: name), action: "set the attributes")
    }
    return true
  }

  private func appear(as name: [UInt8], replaces: Bool) -> Bool {
    if let hiddenName {
      if replaces { return directory.replace(hiddenName, name) }
      let flags = UInt32(RENAME_NOREPLACE)
      let folder = directory.descriptor
      let moved = hiddenName.withCPath { from in
        name.withCPath { renameat2(folder, from, folder, $0, flags) }
      }
      if moved == 0 { return true }
      if errno == EINVAL || errno == ENOSYS {
        // The file system lacks this flag; we checked before that the name was free.
        return directory.replace(hiddenName, name)
      }
      return refuse(name)
    }
    if link(to: name) { return true }
    guard errno == EEXIST, replaces else { return refuse(name) }
    let hidden = OutputDirectory.hiddenName()
    return directory.withUnfinished { isMade in
      guard link(to: hidden) else { return refuse(name) }
      isMade(hidden)
      return directory.replace(hidden, name)
    }
  }

  private func link(to name: [UInt8]) -> Bool {
    Array("/proc/self/fd/\(descriptor)".utf8).withCPath { source in
      name.withCPath {
        linkat(AT_FDCWD, source, directory.descriptor, $0, AT_SYMLINK_FOLLOW)
      }
    } == 0
  }

  private func refuse(_ name: [UInt8]) -> Bool {
    directory.failToCreate(name)
    return false
  }
}

import Glibc
import Posix
import TreeModel

extension OutputDirectory {
  /// Makes a regular file from content in memory, with as few system calls as possible.
  ///
  /// - Returns: whether the file exists; a failure has been reported.
  /// - Throws: `SystemError` if writing fails, as on a full disk.
  func makeFile(
    _ name: [UInt8], _ content: UnsafeRawBufferPointer, _ attributes: Attributes,
    _ xattrs: [ExtendedAttribute]
  ) throws(SystemError) -> Bool {
    let finish = FileFinish(attributes, xattrs, context)
    let isOwned = isOwner(attributes)
    // Without the set-id bits, which writing clears again. Nobody else may open the file before it
    // has its owner: the directory may give it a group whose members wait for it.
    let mode: mode_t =
      context.isRoot && !isOwned
      ? 0o600 : mode_t(attributes.permissions) & 0o777 | (xattrs.isEmpty ? 0 : 0o600)
    return try withUnfinished { isMade throws(SystemError) in
      var made = name
      var opened = create(name, mode)
      if opened < 0 && errno == EEXIST && context.replaces {
        made = Self.hiddenName()
        opened = create(made, mode)
      }
      guard opened >= 0 else {
        failToCreate(name)
        return false
      }
      isMade(made)
      do throws(SystemError) {
        var isOpen = true
        defer { if isOpen { close(opened) } }
        try write(content, to: opened, name)
        if !finish.apply(
          toNew: opened, hasRightOwner: isOwned, hasRightMode: !masksModes)
        {
          context.fail(path(of: name), action: "set the attributes")
        }
        // Only now do network file systems report a full or broken disk.
        isOpen = false
        guard close(opened) == 0 else { throw SystemError("write", path: path(of: name)) }
      } catch {
        _ = made.withCPath { unlinkat(descriptor, $0, 0) }
        throw error
      }
      if made != name, !replace(made, name) { return false }
      context.countMade()
      return true
    }
  }

  private func create(_ name: [UInt8], _ mode: mode_t) -> Int32 {
    name.withCPath {
      openat(descriptor, $0, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode)
    }
  }

  private func write(
    _ content: UnsafeRawBufferPointer, to file: Int32, _ name: [UInt8]
  ) throws(SystemError) {
    guard writeFully(file, content) else { throw SystemError("write", path: path(of: name)) }
  }
}

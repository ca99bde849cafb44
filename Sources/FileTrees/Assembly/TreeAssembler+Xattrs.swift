import Posix
import TreeModel

extension TreeAssembler {
  /// Removes unwanted attributes, and those that an image cannot hold.
  func keepStorable(_ xattrs: inout [ExtendedAttribute], of entry: TreeEntry) throws {
    guard !xattrs.isEmpty else { return }
    let given = xattrs.count
    xattrs.removeAll { !options.xattrs.takes($0.name) }
    if case .usual = options.xattrs { notes.localXattrs += given - xattrs.count }
    let all = xattrs.count
    notes.xattrs.note(taken: all, leftOut: given - all)
    xattrs.removeAll { attribute in
      !Self.storedPrefixes.contains {
        attribute.name.starts(with: $0) && attribute.name.count > $0.count
      } || attribute.name.count > LinuxLimits.longestXattrName
        || attribute.value.count > LinuxLimits.longestXattrValue
    }
    let dropped = all - xattrs.count
    if dropped > 0 && options.isStrict {
      throw refused(entry, "it has attributes that an image cannot hold (such as POSIX ACLs)")
    }
    notes.droppedXattrs += dropped
    guard xattrs.reduce(0, { $0 + $1.name.count + 1 }) <= LinuxLimits.longestXattrList else {
      throw refused(entry, "it has more extended attributes than Linux can list")
    }
  }

  private static let storedPrefixes = ["user.", "trusted.", "security."].map { Array($0.utf8) }
}

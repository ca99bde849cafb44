import CLibArchive
import Posix
import TreeModel

extension ArchiveSource {
  /// Turns libarchive's entry into ours.
  ///
  /// - Throws: `SourceError` for a member of unknown type or without a name.
  func treeEntry(_ raw: OpaquePointer, _ archive: ArchiveHandle) throws -> TreeEntry {
    let path = try name(of: raw)
    // A tiny archive can hold many paths of millions of names.
    guard path.count <= LinuxLimits.longestPath else {
      throw SourceError(
        .refused, path: Array(path.prefix(100)),
        "a path of more than 4,095 bytes, longer than Linux allows")
    }
    let attributes = Attributes(
      permissions: UInt16(truncatingIfNeeded: archive_entry_perm(raw) & 0o7777),
      uid: id(archive_entry_uid(raw), "uid"), gid: id(archive_entry_gid(raw), "gid"),
      modified: modified(raw, path))
    var entry = TreeEntry(
      path: path, kind: try kind(of: raw, path, archive), attributes: attributes,
      xattrs: xattrs(of: raw))
    if archive.isCpio { entry.identity = identity(of: raw, entry, archive) }
    return entry
  }

  /// What a cpio archive has to recognize names of one file.
  private func identity(
    of raw: OpaquePointer, _ entry: TreeEntry, _ archive: ArchiveHandle
  ) -> FileIdentity? {
    let links = archive_entry_nlink(raw)
    guard links > 1, entry.kind != .directory else { return nil }
    return FileIdentity(
      segment: segment, device: UInt64(archive_entry_dev(raw)),
      number: archive_entry_ino(raw), links: UInt32(links),
      mode: UInt32(archive_entry_mode(raw)), attributes: entry.attributes,
      bringsContentLast: archive.bringsContentLast)
  }

  private func name(of raw: OpaquePointer) throws -> [UInt8] {
    // The archive's own bytes: libarchive converts pax names between character sets.
    if let name = headers.record("GNU.sparse.name") ?? headers.record("path") { return name }
    guard let name = archive_entry_pathname(raw) else {
      throw SourceError(.damaged, path: path, "an entry whose name cannot be read")
    }
    return [UInt8](cString: name)
  }

  private func linkTarget(
    _ converted: UnsafePointer<CChar>?, of entry: [UInt8]
  ) throws -> [UInt8] {
    if let target = headers.record("linkpath") { return target }
    guard let converted else {
      throw SourceError(.damaged, path: entry, "a link whose target cannot be read")
    }
    return [UInt8](cString: converted)
  }

  private func kind(
    of raw: OpaquePointer, _ path: [UInt8], _ archive: ArchiveHandle
  ) throws -> TreeEntry.Kind {
    let size = archive_entry_size_is_set(raw) != 0 ? UInt64(max(0, archive_entry_size(raw))) : nil
    try checkTarType(path)
    // For cpio, libarchive relies on inode numbers alone, and old ones have 16 bits.
    if !archive.isCpio, let target = archive_entry_hardlink(raw) {
      let target = try linkTarget(target, of: path)
      // Links are kept until their targets come: a small archive can hold many long ones.
      guard target.count <= LinuxLimits.longestPath else {
        throw SourceError(
          .refused, path: path, "a hard link whose target has more than 4,095 bytes")
      }
      return .hardLink(target: target, hasContent: (size ?? 0) > 0)
    }
    if headers.type == UInt8(ascii: "D") { return .directory }
    switch UInt32(archive_entry_filetype(raw)) {
    case carchive_ifreg: return .regular(size: size)
    case carchive_ifdir: return .directory
    case carchive_iflnk:
      return .symlink(target: try linkTarget(archive_entry_symlink(raw), of: path))
    case carchive_ifblk: return .blockDevice(device(raw))
    case carchive_ifchr: return .characterDevice(device(raw))
    case carchive_ififo: return .fifo
    case carchive_ifsock: return .socket
    case 0 where archive.isAr: return .regular(size: size)  // GNU ar writes no type
    default:
      let isLink = headers.type == UInt8(ascii: "1")
      throw SourceError(
        .refused, path: path,
        isLink
          ? "a hard link without a target" : "a member of unknown type; leave it out when packing")
    }
  }

  /// Catches tar members of unknown type, which libarchive takes for files.
  private func checkTarType(_ path: [UInt8]) throws {
    guard let type = headers.type, type != 0 else { return }
    guard !"01234567DSNA".utf8.contains(type) else { return }
    let what =
      type == UInt8(ascii: "M")
      ? "the continuation of a file from another volume"
      : "a member of unknown type \([type].escapedName)"
    throw SourceError(.refused, path: path, "\(what) cannot go into an image")
  }

  private func device(_ raw: OpaquePointer) -> DeviceNumber {
    DeviceNumber(
      major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(raw)),
      minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(raw)))
  }

  /// Turns an invalid id into (uid_t)-1, which is never in use.
  private func id(_ value: Int64, _ key: StaticString) -> UInt32 {
    let number = headers.globalOnly(key).flatMap(TarHeaders.integer) ?? value
    return UInt32(exactly: number) ?? UInt32.max
  }

  private func modified(_ raw: OpaquePointer, _ path: [UInt8]) -> Int64 {
    if withoutTime.contains(path) { return Attributes.unknownTime }
    if let global = headers.globalOnly("mtime").flatMap(TarHeaders.integer) { return global }
    return archive_entry_mtime_is_set(raw) != 0 ? Int64(archive_entry_mtime(raw)) : 0
  }

  private func xattrs(of raw: OpaquePointer) -> [ExtendedAttribute] {
    var list: [ExtendedAttribute] = []
    archive_entry_xattr_reset(raw)
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var count = 0
    while archive_entry_xattr_next(raw, &name, &value, &count) == ARCHIVE_OK, let name {
      list.append(
        ExtendedAttribute(
          name: [UInt8](cString: name),
          value: Array(UnsafeRawBufferPointer(start: value, count: count))))
    }
    if let label = headers.record("RHT.security.selinux") {
      let name = Array("security.selinux".utf8)
      if !list.contains(where: { $0.name == name }) {
        list.append(ExtendedAttribute(name: name, value: label))
      }
    }
    let acls = archive_entry_acl_types(raw)
    if acls & (ARCHIVE_ENTRY_ACL_TYPE_ACCESS | ARCHIVE_ENTRY_ACL_TYPE_DEFAULT) != 0 {
      // An image cannot hold ACLs; the name lets us count them.
      list.append(ExtendedAttribute(name: Array("system.posix_acl_access".utf8), value: []))
    }
    return list
  }
}

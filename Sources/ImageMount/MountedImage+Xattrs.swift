import Glibc
import Posix
import SquashFS
import SquashFSFormat

/// In an image without attributes, the answer is that the whole file system has none: then the kernel
/// asks once, and not for each file that `ls -l` shows.
extension MountedImage {
  /// Answers with the value of an extended attribute.
  func xattr(_ request: Request, _ node: UInt64, _ name: [UInt8], room: Int) {
    guard hasXattrs else { return request.fail(ENOSYS) }
    guard XattrPrefix(of: name) != nil else { return request.fail(EOPNOTSUPP) }
    answer(request, node) { [self] (image) throws(ImageReadError) in
      let value = try image.xattr(named: name, of: try inode(node, image))
      guard let value else { return { request.fail(ENODATA) } }
      return { request.reply(value, room: room) }
    }
  }

  /// Answers with the names of the extended attributes.
  func xattrs(_ request: Request, _ node: UInt64, room: Int) {
    guard hasXattrs else { return request.fail(ENOSYS) }
    let hidden = request.isFromRoot ? [] : Array(XattrPrefix.trusted.text.utf8)
    answer(request, node) { [self] (image) throws(ImageReadError) in
      var list: [UInt8] = []
      for name in try image.xattrNames(of: try inode(node, image))
      where hidden.isEmpty || !name.starts(with: hidden) { list += name + [0] }
      let names = list
      guard names.count <= LinuxLimits.longestXattrList else { return { request.fail(E2BIG) } }
      return { request.reply(names, room: room) }
    }
  }
}

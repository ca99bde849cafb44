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
    do throws(ImageReadError) {
      let value = try readers.read { (image) throws(ImageReadError) in
        try image.xattr(named: name, of: try inode(node, image))
      }
      guard let value else { return request.fail(ENODATA) }
      request.reply(value, room: room)
    } catch { fail(request, error, node: node) }
  }

  /// Answers with the names of the extended attributes.
  func xattrs(_ request: Request, _ node: UInt64, room: Int) {
    guard hasXattrs else { return request.fail(ENOSYS) }
    let hidden = request.isFromRoot ? [] : Array(XattrPrefix.trusted.text.utf8)
    do throws(ImageReadError) {
      let names = try readers.read { (image) throws(ImageReadError) in
        try image.xattrNames(of: try inode(node, image))
      }
      var list: [UInt8] = []
      for name in names where hidden.isEmpty || !name.starts(with: hidden) { list += name + [0] }
      guard list.count <= LinuxLimits.longestXattrList else { return request.fail(E2BIG) }
      request.reply(list, room: room)
    } catch { fail(request, error, node: node) }
  }
}

import CFuse
import CLinux
import Glibc
import Posix
import SquashFS
import SquashFSFormat
import TreeModel

extension MountedImage {
  /// Answers with what stat(2) shows.
  func attributes(_ request: Request, _ node: UInt64) {
    answer(request, node) { [self] (image) throws(ImageReadError) in
      let attributes = try attributes(of: try inode(node, image), image)
      return { withUnsafePointer(to: attributes) { cfuse_reply_attributes(request.pointer, $0) } }
    }
  }

  /// The same as the kernel's own file system shows.
  func attributes(
    of inode: ImageInode, _ image: Image
  ) throws(ImageReadError) -> cfuse_attributes {
    let record = inode.record
    let owned = try image.attributes(of: inode)
    var attributes = cfuse_attributes()
    attributes.inode = UInt64(record.number)
    attributes.mode = UInt32(record.type.modeBits) | UInt32(owned.permissions)
    attributes.links = record.links
    attributes.uid = owned.uid
    attributes.gid = owned.gid
    attributes.modified = owned.modified
    switch record.body {
    case .directory(let directory): attributes.size = UInt64(directory.storedSize)
    case .file(let file):
      guard file.size <= UInt64(Int64.max) else {
        throw ImageReadError(.damaged, "a file of \(file.size) bytes, more than Linux supports")
      }
      attributes.size = file.size
      let stored = file.size - min(file.sparse, file.size)
      attributes.blocks = stored / 512 + (stored % 512 == 0 ? 0 : 1)
    case .symlink(let size): attributes.size = UInt64(size)
    case .device(let number):
      let device = DeviceNumber(stored: number)
      attributes.device = clinux_makedev(device.major, device.minor)
    case .ipc: break
    }
    if hasXattrs, let size = try image.xattrSize(of: inode) {
      attributes.blocks += (UInt64(size) + 511) / 512
    }
    return attributes
  }

  /// Answers with the target of a symbolic link.
  func target(_ request: Request, _ node: UInt64) {
    answer(request, node) { [self] (image) throws(ImageReadError) in
      let inode = try inode(node, image)
      guard inode.record.type == .symlink else { return { request.fail(EINVAL) } }
      let target = try image.target(of: inode)
      return { target.withCPath { cfuse_reply_target(request.pointer, $0) } }
    }
  }

  /// Answers with what statfs(2) shows.
  func statistics(_ request: Request) {
    let blockSize = UInt64(superblock.blockSize.byteCount)
    cfuse_reply_statistics(
      request.pointer, UInt32(blockSize), superblock.bytesUsed.dividedRoundingUp(by: blockSize),
      UInt64(superblock.inodeCount), UInt32(DirectoryEntryRecord.longestName))
  }
}

extension UInt64 {
  fileprivate func dividedRoundingUp(by divisor: UInt64) -> UInt64 {
    self / divisor + (self % divisor == 0 ? 0 : 1)
  }
}

internal import Glibc

/// What tells a directory from all others of this machine.
struct FolderIdentity: Hashable {
  private var device: dev_t
  private var inode: ino_t

  init(_ status: stat) {
    device = status.st_dev
    inode = status.st_ino
  }

  /// Two numbers, for another process.
  var text: [UInt8] { Array("\(device) \(inode)".utf8) }

  init?(text: [UInt8]) {
    let fields = text.split(separator: UInt8(ascii: " ")).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard fields.count == 2, let device = dev_t(fields[0]), let inode = ino_t(fields[1]) else {
      return nil
    }
    self.device = device
    self.inode = inode
  }
}

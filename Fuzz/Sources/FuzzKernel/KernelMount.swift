import CLinux
import FuzzSupport
import Glibc

/// An image mounted by the kernel but not attached anywhere: only a descriptor holds it, so that
/// nothing is left behind wherever the process ends.
final class KernelMount {
  private let root: Int32

  /// - Returns: `nil` if the kernel does not mount it.
  init?(_ image: [UInt8]) {
    let memory = image.withUnsafeBytes { MemoryFile($0) }
    let file = memory.path.withUnsafeBufferPointer { path in
      open((path.map { CChar(bitPattern: $0) } + [0]), O_RDONLY)
    }
    precondition(file >= 0)
    defer { close(file) }
    let (device, path) = Self.loopDevice(for: file)
    defer { close(device) }
    // Empty, and detached as soon as it is open.
    let folder = "/tmp/autosquash-fuzz-\(getpid())"
    mkdir(folder, 0o700)
    defer { rmdir(folder) }
    guard mount(path, folder, "squashfs", UInt(MS_RDONLY), nil) == 0 else { return nil }
    root = open(folder, O_RDONLY | O_DIRECTORY)
    precondition(umount2(folder, Int32(MNT_DETACH)) == 0)
    if root < 0 { return nil }
  }

  deinit { close(root) }

  /// A loop device that is released when nobody has it open or mounted.
  private static func loopDevice(for file: Int32) -> (device: Int32, path: String) {
    let control = open("/dev/loop-control", O_RDWR)
    precondition(control >= 0, "loop devices are needed, and root")
    defer { close(control) }
    for _ in 0..<1000 {
      let number = ioctl(control, 0x4C82, 0)  // LOOP_CTL_GET_FREE
      precondition(number >= 0)
      let path = "/dev/loop\(number)"
      let device = open(path, O_RDONLY)
      // LOOP_CONFIGURE with a struct loop_config: linux/loop.h.
      var configuration = [UInt32](repeating: 0, count: 304 / 4)
      configuration[0] = UInt32(file)
      configuration[2 + 52 / 4] = 1 | 4  // lo_flags: read-only, autoclear
      let status = configuration.withUnsafeMutableBytes {
        ioctl(device, 0x4C0A, $0.baseAddress!)
      }
      if status == 0 { return (device, path) }
      close(device)  // somebody else was faster
    }
    fatalError("no loop device can be had")
  }

  /// The content of a file in the root directory.
  ///
  /// - Returns: `nil` if the kernel does not return all of it.
  func read(_ name: String) -> [UInt8]? { Self.read(root, Array(name.utf8CString)) }

  private static let mostBytes = 16 << 20

  private static func read(_ folder: Int32, _ name: [CChar]) -> [UInt8]? {
    let file = openat(folder, name, O_RDONLY | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    while content.count < mostBytes {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count < 0 { return nil }
      if count == 0 { break }
      content += buffer[..<count]
    }
    return content
  }

  /// Reads everything: names, inodes, targets, attributes, contents.
  ///
  /// - Returns: whether the kernel could read it.
  func readAll() -> Bool {
    var left = 10_000
    return Self.readAll(dup(root), &left)
  }

  private static func readAll(_ folder: Int32, _ left: inout Int) -> Bool {
    guard let stream = fdopendir(folder) else { return false }
    defer { closedir(stream) }
    var isWhole = true
    while left > 0 {
      left -= 1
      errno = 0
      guard let entry = readdir(stream) else { return isWhole && errno == 0 }
      // Any bytes: not a string.
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        $0.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
      }
      if [[46, 0], [46, 46, 0]].contains(name) { continue }
      var status = stat()
      guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return false }
      let path = "/proc/self/fd/\(folder)/".utf8.map { CChar(bitPattern: $0) } + name
      isWhole = attributesCanBeRead(path) && isWhole
      switch status.st_mode & S_IFMT {
      case S_IFDIR:
        let child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard child >= 0 else { return false }
        isWhole = readAll(child, &left) && isWhole
      case S_IFREG: isWhole = read(folder, name) != nil && isWhole
      case S_IFLNK:
        var target = [CChar](repeating: 0, count: 8192)
        isWhole = readlinkat(folder, name, &target, target.count) >= 0 && isWhole
      default: break
      }
    }
    return isWhole
  }

  private static func attributesCanBeRead(_ path: [CChar]) -> Bool {
    var names = [CChar](repeating: 0, count: 65536)
    let count = llistxattr(path, &names, names.count)
    guard count >= 0 else { return errno == ENOTSUP }
    var value = [UInt8](repeating: 0, count: 65536)
    return names[..<count].split(separator: 0).allSatisfy { name in
      (Array(name) + [0]).withUnsafeBufferPointer {
        lgetxattr(path, $0.baseAddress!, &value, value.count) >= 0
      }
    }
  }
}

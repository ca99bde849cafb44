import Glibc
import Posix
import TreeModel

/// Files in the way of those to be extracted: their count, and the first few.
public struct ExistingFiles: Sendable {
  public private(set) var count = 0
  /// In byte order, whichever thread came first.
  public private(set) var first: [[UInt8]] = []
  private static let most = 3

  mutating func add(_ path: [UInt8]) {
    count += 1
    let place = first.firstIndex { path.lexicographicallyPrecedes($0) } ?? first.count
    guard place < Self.most else { return }
    first.insert(path, at: place)
    if first.count > Self.most { first.removeLast() }
  }
}

extension OutputDirectory {
  /// Whether to leave what already has the name. It stays if it is the same, judging by type, size
  /// and time, or by a link's target. Otherwise it is in the way, unless it may be replaced.
  ///
  /// - Parameter made: learns of a file that stays, if the file has several names.
  func keeps(_ name: [UInt8], _ entry: TreeEntry, _ made: MadeFile?) -> Bool {
    guard let file = Descriptor(opening: name, O_PATH | O_NOFOLLOW, in: descriptor),
      let status = stat(of: file.number)
    else { return false }
    let opened = file.number
    // Another name for somebody else's file could put it where they may not write.
    let isOurs = made == nil || [geteuid(), entry.attributes.uid].contains(status.st_uid)
    if isOurs && Self.isSame(opened, status, entry) {
      context.countKept()
      made?.appear(as: name, in: self, opened)
      return true
    }
    if status.isDirectory {
      context.fail(path(of: name), ExtractionContext.directoryInTheWay)
      return true
    }
    if context.replaces { return false }
    context.failAsExisting(path(of: name))
    return true
  }

  private static func isSame(_ opened: Int32, _ status: stat, _ entry: TreeEntry) -> Bool {
    let type = status.st_mode & S_IFMT
    switch entry.kind {
    case .regular(let size):
      return type == S_IFREG && UInt64(status.st_size) == size
        && Int64(status.st_mtim.tv_sec) == entry.attributes.modified
    case .symlink(let target): return type == S_IFLNK && linkTarget(opened, target.count) == target
    case .blockDevice(let device): return type == S_IFBLK && status.st_rdev == dev_t(device.number)
    case .characterDevice(let device):
      return type == S_IFCHR && status.st_rdev == dev_t(device.number)
    case .fifo: return type == S_IFIFO
    case .socket: return type == S_IFSOCK
    case .directory, .hardLink: return false
    }
  }

  /// The target of an open link, or enough of it to differ from one of `count` bytes.
  static func linkTarget(_ opened: Int32, _ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count + 1) { buffer, filled in
      filled = max(
        0,
        buffer.withMemoryRebound(to: CChar.self) {
          readlinkat(opened, "", $0.baseAddress!, $0.count)
        })
    }
  }
}

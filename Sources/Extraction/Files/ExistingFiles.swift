internal import Glibc
internal import Posix
internal import TreeModel

/// Files that are in the way of those to be extracted: their number, and the first of them.
public struct ExistingFiles: Sendable {
  public private(set) var count = 0
  /// In the order of their bytes, whatever thread came first.
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
  /// Whether something has the name already, and need not or may not be made: it stays where it is
  /// the same as far as type, size and time tell, or a link's target. Else it is in the way, unless
  /// it may be replaced.
  ///
  /// - Parameter made: told of a file that stays, where it has several names.
  func keeps(_ name: [UInt8], _ entry: TreeEntry, _ made: MadeFile?) -> Bool {
    guard let file = Descriptor(opening: name, O_PATH | O_NOFOLLOW, in: descriptor),
      let status = stat(of: file.number)
    else { return false }
    let opened = file.number
    // A further name of somebody else's file could bring it to where he may not write.
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

  /// The target of a link that is open, or as much of it as tells it from one of `count` bytes.
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

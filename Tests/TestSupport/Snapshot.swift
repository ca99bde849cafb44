import CLinux
import Glibc
import Posix

/// All visible properties of a directory tree, entry by entry, to compare with another.
public struct Snapshot: Equatable {
  /// The visible properties of one entry.
  public struct Entry: Equatable, CustomStringConvertible {
    public var type: UInt32
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var mtime: Int
    public var size: Int
    public var device: UInt64
    public var target: [UInt8]
    /// The first path of the same file, in byte order; empty for a file with one name.
    public var linkGroup: [UInt8]
    public var links: UInt64
    public var xattrs: [[UInt8]: [UInt8]]
    /// FNV-1a of the content.
    public var hash: UInt64

    public var description: String {
      "type \(String(type, radix: 8)) mode \(String(mode, radix: 8)) \(uid):\(gid) mtime \(mtime) "
        + "size \(size) rdev \(device) -> \(target.escapedName) links \(links) of "
        + "\(linkGroup.escapedName) xattrs \(xattrs.map { ($0.escapedName, $1.escapedName) }) "
        + "hash \(hash)"
    }
  }

  public var entries: [[UInt8]: Entry] = [:]

  /// Records everything below `root`, and `root` itself under the empty path.
  public init(of root: String) throws {
    var stack: [[UInt8]] = [[]]
    var inodes: [UInt64: [UInt8]] = [:]
    var paths: [[UInt8]] = []
    while let path = stack.popLast() {
      paths.append(path)
      let full = Self.full(root, path)
      var status = stat()
      guard full.withCPath({ lstat($0, &status) }) == 0 else {
        throw SystemError("read", path: full)
      }
      guard status.st_mode & S_IFMT == S_IFDIR else { continue }
      guard let directory = full.withCPath({ opendir($0) }) else {
        throw SystemError("open", path: full)
      }
      defer { closedir(directory) }
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { [UInt8](cString: $0) }
        }
        if name == Array(".".utf8) || name == Array("..".utf8) { continue }
        stack.append(path.isEmpty ? name : path + Array("/".utf8) + name)
      }
    }
    for path in paths.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let full = Self.full(root, path)
      var status = stat()
      guard full.withCPath({ lstat($0, &status) }) == 0 else {
        throw SystemError("read", path: full)
      }
      let type = status.st_mode & S_IFMT
      var group: [UInt8] = []
      if type != S_IFDIR && status.st_nlink > 1 {
        group = inodes[UInt64(status.st_ino)] ?? path
        inodes[UInt64(status.st_ino)] = group
      }
      let isDevice = type == S_IFBLK || type == S_IFCHR
      entries[path] = Entry(
        type: type, mode: status.st_mode & 0o7777, uid: status.st_uid, gid: status.st_gid,
        mtime: status.st_mtim.tv_sec,
        size: type == S_IFREG || type == S_IFLNK ? Int(status.st_size) : 0,
        device: isDevice ? UInt64(status.st_rdev) : 0,
        target: type == S_IFLNK ? Self.target(full) : [], linkGroup: group,
        // Directories of some file systems do not count their subdirectories.
        links: type == S_IFDIR ? 0 : UInt64(status.st_nlink), xattrs: try Self.xattrs(full),
        hash: type == S_IFREG ? try Self.hash(full) : 0)
    }
  }

  /// Adapts all entries to how they should be elsewhere.
  public func mapping(_ change: (inout Entry) -> Void) -> Snapshot {
    var copy = self
    for path in copy.entries.keys { change(&copy.entries[path]!) }
    return copy
  }

  /// One line for each difference.
  public func differences(from other: Snapshot) -> [String] {
    var lines: [String] = []
    for path in Set(entries.keys).union(other.entries.keys).sorted(by: {
      $0.lexicographicallyPrecedes($1)
    }) {
      switch (entries[path], other.entries[path]) {
      case (let mine?, let theirs?):
        if mine != theirs { lines.append("\(path.escapedName):\n  \(mine)\n  \(theirs)") }
      case (_?, nil): lines.append("\(path.escapedName): only in the first")
      default: lines.append("\(path.escapedName): only in the second")
      }
    }
    return lines
  }

  private static func full(_ root: String, _ path: [UInt8]) -> [UInt8] {
    path.isEmpty ? Array(root.utf8) : Array(root.utf8) + Array("/".utf8) + path
  }

  private static func target(_ path: [UInt8]) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 8192)
    let count = path.withCPath { readlink($0, &buffer, buffer.count) }
    return buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }
  }

  private static func hash(_ path: [UInt8]) throws -> UInt64 {
    let descriptor = path.withCPath { open($0, O_RDONLY) }
    guard descriptor >= 0 else { throw SystemError("open", path: path) }
    defer { close(descriptor) }
    var buffer = [UInt64](repeating: 0, count: 32768)
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    while true {
      let count = buffer.withUnsafeMutableBytes { buffer in
        var done = 0
        while done < buffer.count {
          let count = Glibc.read(descriptor, buffer.baseAddress! + done, buffer.count - done)
          if count <= 0 { return count < 0 ? count : done }
          done += count
        }
        return done
      }
      guard count >= 0 else { throw SystemError("read", path: path) }
      if count == 0 { return hash }
      // Comparing long holes word by word would take minutes.
      if count == buffer.count * 8,
        buffer.withUnsafeBytes({ bytes in
          bytes[0] == 0 && memcmp(bytes.baseAddress!, bytes.baseAddress! + 1, count - 1) == 0
        })
      {
        hash = (hash ^ 0xff) &* 0x100_0000_01b3
        continue
      }
      buffer.withUnsafeMutableBytes { bytes in
        for index in count..<min((count + 7) / 8 * 8, bytes.count) { bytes[index] = 0 }
      }
      for word in buffer[..<((count + 7) / 8)] { hash = (hash ^ word) &* 0x100_0000_01b3 }
    }
  }

  private static func xattrs(_ path: [UInt8]) throws -> [[UInt8]: [UInt8]] {
    var found: [[UInt8]: [UInt8]] = [:]
    var names = [CChar](repeating: 0, count: 65536)
    let count = path.withCPath { llistxattr($0, &names, names.count) }
    guard count > 0 else { return [:] }
    for name in names[..<count].split(separator: 0) {
      var value = [UInt8](repeating: 0, count: 65536)
      let bytes = name.map { UInt8(bitPattern: $0) }
      let size = path.withCPath { path in
        bytes.withCPath { lgetxattr(path, $0, &value, value.count) }
      }
      guard size >= 0 else { throw SystemError("read an attribute of", path: path) }
      found[bytes] = Array(value[..<size])
    }
    return found
  }
}

internal import Glibc
public import Posix

/// The files of an overlay, and the directories that hold them.
///
/// Only names and types are asked for: on a bucket each more would be a request.
public struct OverlayListing: Sendable {
  /// The folder of the overlay: an absolute path.
  public let root: [UInt8]
  /// All directories with a file in them, parents before children.
  public let directories: [Directory]
  /// What is neither a file nor a directory nor a link: left out.
  public let others: [[UInt8]]
  private let files: Set<[UInt8]>
  /// All directories, also those without files.
  private let folders: Set<[UInt8]>
  /// What they are, whatever else leads to them.
  private let identities: Set<FolderIdentity>

  /// One directory.
  public struct Directory: Equatable, Sendable {
    /// The path below the root: empty for the root itself.
    public var path: [UInt8]
    /// The names of the files in it, sorted by their bytes.
    public var files: [[UInt8]]
  }

  /// The number of files.
  public var fileCount: Int { files.count }

  /// Whether the overlay has a file at this path below its root.
  public func hasFile(_ path: [UInt8]) -> Bool { files.contains(path) }

  /// Whether the overlay has something at this path below its root: a file or a directory; `nil` for
  /// a path through a link of the overlay, which the listing does not follow.
  func has(_ path: [UInt8]) -> Bool? {
    if files.contains(path) || folders.contains(path) { return true }
    var parent = path.cut.parent
    while !parent.isEmpty {
      if files.contains(parent) { return nil }
      parent = parent.cut.parent
    }
    return false
  }

  /// Whether a directory is one of the overlay's own, as where one is mounted a second time.
  func isOwn(_ folder: Folder) -> Bool { identities.contains(FolderIdentity(folder.status)) }

  /// Listings at the same time: a bucket takes its time for each.
  private static let threads = 12
  /// How deep directories may lie in each other.
  private static let mostLevels = 200

  /// Lists an overlay.
  ///
  /// - Parameter progress: called for each directory that was listed, from any thread.
  /// - Throws: `SystemError` when any of the directories cannot be listed: what is missing must
  ///   never look as if it had been removed.
  public init(
    _ root: [UInt8], progress: @escaping @Sendable () -> Void = {}
  ) throws(SystemError) {
    var directories: [Directory] = []
    var others: [[UInt8]] = []
    var files: Set<[UInt8]> = []
    var folders: Set<[UInt8]> = []
    var identities: Set<FolderIdentity> = []
    var level: [[UInt8]] = [[]]
    for _ in 0..<Self.mostLevels where !level.isEmpty {
      let paths = level
      let results = try concurrentMap(count: paths.count, threads: Self.threads) { index in
        defer { progress() }
        return Self.list(root, paths[index])
      }
      var next: [[UInt8]] = []
      folders.formUnion(level)
      for (index, path) in level.enumerated() {
        let found = try results[index].get()
        if let identity = found.identity { identities.insert(identity) }
        if !found.files.isEmpty {
          directories.append(Directory(path: path, files: found.files.sorted(by: Self.order)))
          for name in found.files { files.insert(path.appending(name)) }
        }
        next += found.directories.map { path.appending($0) }
        others += found.others.map { path.appending($0) }
      }
      level = next
    }
    guard level.isEmpty else {
      throw SystemError("list so many levels of directories", path: root, code: ELOOP)
    }
    self.root = root
    self.directories = directories.sorted { Self.order($0.path, $1.path) }
    self.others = others
    self.files = files
    self.folders = folders
    self.identities = identities
  }

  /// The listing as bytes, for another process.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    for directory in directories {
      bytes += [UInt8(ascii: "d")] + directory.path + [0]
      for name in directory.files { bytes += [UInt8(ascii: "f")] + name + [0] }
    }
    for path in folders { bytes += [UInt8(ascii: "e")] + path + [0] }
    for path in others { bytes += [UInt8(ascii: "x")] + path + [0] }
    for identity in identities { bytes += [UInt8(ascii: "i")] + identity.text + [0] }
    return bytes
  }

  /// A listing from what another process has encoded.
  public init(_ root: [UInt8], encoded: [UInt8]) {
    var directories: [Directory] = []
    var others: [[UInt8]] = []
    var files: Set<[UInt8]> = []
    var folders: Set<[UInt8]> = []
    var identities: Set<FolderIdentity> = []
    for part in encoded.split(separator: 0) {
      let name = Array(part.dropFirst())
      switch part.first {
      case UInt8(ascii: "d"): directories.append(Directory(path: name, files: []))
      case UInt8(ascii: "f") where !directories.isEmpty:
        directories[directories.count - 1].files.append(name)
        files.insert(directories[directories.count - 1].path.appending(name))
      case UInt8(ascii: "e"): folders.insert(name)
      case UInt8(ascii: "i"):
        if let identity = FolderIdentity(text: name) { identities.insert(identity) }
      default: others.append(name)
      }
    }
    self.root = root
    self.directories = directories
    self.others = others
    self.files = files
    self.folders = folders
    self.identities = identities
  }

  private static func order(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.lexicographicallyPrecedes(right)
  }

  /// What one directory holds.
  private struct Names {
    var files: [[UInt8]] = []
    var directories: [[UInt8]] = []
    var others: [[UInt8]] = []
    var identity: FolderIdentity?
  }

  private static func list(_ root: [UInt8], _ path: [UInt8]) -> Result<Names, SystemError> {
    let full = path.isEmpty ? root : root.appending(path)
    // The overlay itself may be a link, what is in it is not followed.
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (path.isEmpty ? 0 : O_NOFOLLOW)
    let descriptor = full.withCPath { open($0, flags) }
    guard descriptor >= 0, let stream = fdopendir(descriptor) else {
      let error = SystemError("list", path: full)
      if descriptor >= 0 { close(descriptor) }
      return .failure(error)
    }
    defer { closedir(stream) }
    var names = Names()
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      return .failure(SystemError("examine", path: full))
    }
    names.identity = FolderIdentity(status)
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        return errno == 0 ? .success(names) : .failure(SystemError("list", path: full))
      }
      let name = entry.pointee.name
      if name.isDots { continue }
      var type = Int(entry.pointee.d_type)
      if type == Int(DT_UNKNOWN) {
        var status = stat()
        guard name.withCPath({ fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
          return .failure(SystemError("examine", path: full.appending(name)))
        }
        type = Int(status.st_mode & S_IFMT) >> 12
      }
      switch type {
      case Int(DT_DIR): names.directories.append(name)
      case Int(DT_REG), Int(DT_LNK): names.files.append(name)
      default: names.others.append(name)
      }
    }
  }

}

import Glibc
public import Posix

/// The files of an overlay, and the directories that hold them.
///
/// Asks only for names and types: on a bucket, anything more would take further requests.
public struct OverlayListing: Sendable {
  /// The folder of the overlay: an absolute path.
  public let root: HostPath
  /// All directories with a file in them, parents before children.
  public let directories: [Directory]
  /// Entries that are not files, directories or links: left out.
  public let others: [RelativePath]
  private let files: Set<RelativePath>
  /// All directories, including those without files.
  private let folders: Set<RelativePath>
  /// Their identities, whatever else leads to them.
  private let identities: Set<FileID>

  /// One directory.
  public struct Directory: Equatable, Sendable {
    /// The path below the root: empty for the root itself.
    public var path: RelativePath
    /// The names of the files in it, sorted by their bytes.
    public var files: [Name]
  }

  /// The number of files.
  public var fileCount: Int { files.count }

  /// Whether the overlay has a file at this path below its root.
  public func hasFile(_ path: RelativePath) -> Bool { files.contains(path) }

  /// Whether the overlay has a file or directory at this path below its root; `nil` for a path
  /// through a link in the overlay, which the listing does not follow.
  func has(_ path: RelativePath) -> Bool? {
    if files.contains(path) || folders.contains(path) { return true }
    var parent = path.parent
    while !parent.isRoot {
      if files.contains(parent) { return nil }
      parent = parent.parent
    }
    return false
  }

  /// Whether a directory is one of the overlay's own, as when it is mounted a second time.
  func isOwn(_ folder: Folder) -> Bool { identities.contains(folder.status.identity) }

  /// The number of concurrent listings: each takes a bucket some time.
  private static let threads = 12
  /// The maximum nesting of directories.
  private static let mostLevels = 200

  /// Lists an overlay.
  ///
  /// - Parameter progress: called for each directory listed, from any thread.
  /// - Throws: `SystemError` if any directory cannot be listed: a missing file must never look
  ///   removed.
  public init(
    _ root: HostPath, progress: @escaping @Sendable () -> Void = {}
  ) throws(SystemError) {
    var directories: [Directory] = []
    var others: [RelativePath] = []
    var files: Set<RelativePath> = []
    var folders: Set<RelativePath> = []
    var identities: Set<FileID> = []
    var level: [RelativePath] = [.root]
    for _ in 0..<Self.mostLevels where !level.isEmpty {
      let paths = level
      let results = try concurrentMap(count: paths.count, threads: Self.threads) { index in
        defer { progress() }
        return Self.list(root, paths[index])
      }
      var next: [RelativePath] = []
      folders.formUnion(level)
      for (index, path) in level.enumerated() {
        let found = try results[index].get()
        if let identity = found.identity { identities.insert(identity) }
        if !found.files.isEmpty {
          directories.append(Directory(path: path, files: found.files.sorted()))
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
    self.directories = directories.sorted { $0.path < $1.path }
    self.others = others
    self.files = files
    self.folders = folders
    self.identities = identities
  }

  /// The listing as bytes, for another process.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    func add(_ sign: Unicode.Scalar, _ field: [UInt8]) {
      bytes.append(UInt8(ascii: sign))
      bytes += field + [0]
    }
    for directory in directories {
      add("d", directory.path.bytes)
      for name in directory.files { add("f", name.bytes) }
    }
    for path in folders { add("e", path.bytes) }
    for path in others { add("x", path.bytes) }
    for identity in identities { add("i", Array("\(identity.device) \(identity.inode)".utf8)) }
    return bytes
  }

  /// Decodes a listing from another process.
  public init(_ root: HostPath, encoded: [UInt8]) {
    var directories: [Directory] = []
    var others: [RelativePath] = []
    var files: Set<RelativePath> = []
    var folders: Set<RelativePath> = []
    var identities: Set<FileID> = []
    for part in encoded.split(separator: 0) {
      let field = Array(part.dropFirst())
      let path = RelativePath(unchecked: field)
      switch part.first {
      case UInt8(ascii: "d"): directories.append(Directory(path: path, files: []))
      case UInt8(ascii: "f") where !directories.isEmpty:
        let name = Name(unchecked: field)
        directories[directories.count - 1].files.append(name)
        files.insert(directories[directories.count - 1].path.appending(name))
      case UInt8(ascii: "e"): folders.insert(path)
      case UInt8(ascii: "i"):
        if let identity = FileID(text: field) { identities.insert(identity) }
      default: others.append(path)
      }
    }
    self.root = root
    self.directories = directories
    self.others = others
    self.files = files
    self.folders = folders
    self.identities = identities
  }

  /// The contents of one directory.
  private struct Names {
    var files: [Name] = []
    var directories: [Name] = []
    var others: [Name] = []
    var identity: FileID?
  }

  private static func list(_ root: HostPath, _ path: RelativePath) -> Result<Names, SystemError> {
    let full = root.appending(path)
    do throws(SystemError) {
      // The overlay itself may be a link; links in it are not followed.
      let flags = O_RDONLY | O_DIRECTORY | (path.isRoot ? 0 : O_NOFOLLOW)
      var entries = try DirectoryStream(
        Descriptor(opening: full.bytes, flags), path: full.bytes)
      guard let status = stat(of: entries.descriptor) else {
        throw SystemError("examine", path: full)
      }
      var names = Names(identity: status.identity)
      while let entry = try entries.next() {
        switch entries.kind(of: entry) {
        case .directory: names.directories.append(entry.name)
        case .regular, .link: names.files.append(entry.name)
        case .other: names.others.append(entry.name)
        case nil: throw SystemError("examine", path: full.appending(entry.name))
        }
      }
      return .success(names)
    } catch {
      return .failure(error)
    }
  }
}

extension FileID {
  /// Parses two numbers separated by a blank.
  fileprivate init?(text: [UInt8]) {
    let fields = text.split(separator: UInt8(ascii: " ")).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard fields.count == 2, let device = dev_t(fields[0]), let inode = ino_t(fields[1]) else {
      return nil
    }
    self.init(device: device, inode: inode)
  }
}

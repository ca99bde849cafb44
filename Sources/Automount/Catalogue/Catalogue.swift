internal import Glibc
internal import Posix
public import SquashFSFormat

/// All images in the folder, with what the map would say of each.
public struct Catalogue: Sendable {
  /// Sorted by name.
  public var images: [Entry]
  /// Folders that could not be listed, below the folder of all, and why.
  public var unreadable: [(path: [UInt8], text: String)] = []

  /// One image.
  public struct Entry: Equatable, Sendable {
    /// The path below the mount root.
    public var name: [UInt8]
    /// The path below the folder with the images.
    public var file: [UInt8]
    /// In bytes; 0 where that could not be found out.
    public var size: UInt64
    /// Nanoseconds since 1970.
    public var modified: Int64
    public var compressor: CompressorID?
    /// Why it would not mount; `nil` where it would.
    public var problem: String?
  }

  /// How deep folders may lie in each other.
  private static let mostLevels = 40
  /// Requests at the same time: a bucket takes its time for each.
  private static let threads = 12

  /// Lists the folder and looks at every image in it.
  ///
  /// - Parameters:
  ///   - known: images that would mount when they were last looked at; those that have the same
  ///     size and time since are not opened again.
  ///   - progress: called from time to time, from any thread.
  /// - Throws: `SystemError` when the folder itself cannot be listed.
  static func collect(
    _ configuration: Configuration, check: ImageCheck, known: [Entry] = [],
    progress: @escaping @Sendable () -> Void = {}
  ) throws(SystemError) -> Catalogue {
    let folder = try ImageFolder(
      configuration.images, mayLeave: configuration.outsideLinks, staysOnDevice: false)
    var result = Catalogue(images: [])
    try list(folder, [], configuration, into: &result, levels: mostLevels, progress)
    let found = result.images
    let knownByFile = Dictionary(known.map { ($0.file, $0) }, uniquingKeysWith: { $1 })
    result.images = try concurrentMap(count: found.count, threads: threads) { index in
      defer { progress() }
      return examine(
        found[index], in: folder, check: check, known: knownByFile[found[index].file])
    }
    return result
  }

  private static func list(
    _ folder: ImageFolder, _ path: [UInt8], _ configuration: Configuration,
    into result: inout Catalogue, levels: Int, _ progress: () -> Void
  ) throws(SystemError) {
    let listing = try names(in: folder, path)
    progress()
    func full(_ name: [UInt8]) -> [UInt8] { MapLevel(path: path).appending(name) }
    let files = listing.files.filter { name in
      configuration.suffixes.contains { CatalogueNames.hasSuffix(name, $0) }
    }
    let keys = CatalogueNames.keys(of: files, suffixes: configuration.suffixes)
    for (key, file) in keys {
      result.images.append(Entry(name: full(key), file: full(file), size: 0, modified: 0))
    }
    guard configuration.folders, levels > 0 else { return }
    let taken = Set(keys.map(\.key))
    for name in listing.folders.sorted(by: { $0.lexicographicallyPrecedes($1) })
    where !taken.contains(name) {
      // An image wins over a folder of its name.
      do {
        try list(folder, full(name), configuration, into: &result, levels: levels - 1, progress)
      } catch {
        // One that was removed meanwhile is no loss.
        if error.code != ENOENT { result.unreadable.append((full(name), "\(error)")) }
      }
    }
  }

  private static func names(
    in folder: ImageFolder, _ path: [UInt8]
  ) throws(SystemError) -> (files: [[UInt8]], folders: [[UInt8]]) {
    let descriptor = folder.openForListing(path)
    guard descriptor >= 0, let stream = fdopendir(descriptor) else {
      let error = SystemError("list", path: path)
      if descriptor >= 0 { close(descriptor) }
      throw error
    }
    defer { closedir(stream) }
    var files: [[UInt8]] = []
    var folders: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw SystemError("list", path: path) }
        return (files, folders)
      }
      let name = entry.pointee.name
      if MapKey.isHidden(name) { continue }
      var type = Int(entry.pointee.d_type)
      if type == DT_UNKNOWN {
        var status = stat()
        guard name.withCPath({ fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
          continue
        }
        type = status.st_mode & S_IFMT == S_IFDIR ? Int(DT_DIR) : Int(DT_REG)
      }
      if type == DT_DIR { folders.append(name) } else { files.append(name) }
    }
  }

  private static func examine(
    _ entry: Entry, in folder: ImageFolder, check: ImageCheck, known: Entry?
  ) -> Entry {
    var entry = entry
    if let known {
      let descriptor = folder.openPath(entry.file)
      var status = stat()
      if descriptor >= 0 {
        defer { close(descriptor) }
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
          UInt64(max(0, status.st_size)) == known.size, status.modified == known.modified
        {
          entry.size = known.size
          entry.modified = known.modified
          entry.compressor = known.compressor
          return entry
        }
      }
    }
    let descriptor = folder.open(entry.file)
    guard descriptor >= 0 else {
      entry.problem =
        errno == EXDEV
        ? "a link that leads out of the folder" : "cannot open: \(String(cString: strerror(errno)))"
      return entry
    }
    defer { close(descriptor) }
    do {
      guard let facts = try check.facts(of: descriptor) else {
        entry.problem = "it is a directory"
        return entry
      }
      entry.size = facts.size
      entry.modified = facts.modified
      entry.compressor = facts.compressor
      entry.problem = facts.problem
    } catch {
      entry.problem = "\(error)"
    }
    return entry
  }

}

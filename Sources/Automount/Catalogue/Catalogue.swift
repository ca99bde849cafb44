import Glibc
public import Posix
public import SquashFSFormat

/// All images in the folder, with the map's verdict on each.
public struct Catalogue: Sendable {
  /// Sorted by name.
  public var images: [Entry]
  /// Folders below the top that could not be listed, and the reasons.
  public var unreadable: [(path: RelativePath, text: String)] = []

  public init(images: [Entry]) { self.images = images }

  /// One image.
  public struct Entry: Equatable, Sendable {
    /// The path below the mount root.
    public var name: RelativePath
    /// The path below the folder with the images.
    public var file: RelativePath
    /// In bytes; 0 if unknown.
    public var size: UInt64
    /// Nanoseconds since 1970.
    public var modified: Int64
    public var compressor: CompressorID?
    /// Why it would not mount; `nil` if it would.
    public var problem: String?
  }

  /// The maximum nesting of folders.
  private static let mostLevels = 40
  /// The number of concurrent requests: each takes a bucket some time.
  private static let threads = 12

  /// Lists the folder and checks every image in it.
  ///
  /// - Parameters:
  ///   - known: images that would mount when last checked; those with the same size and time are
  ///     not opened again.
  ///   - progress: called now and then, from any thread.
  /// - Throws: `SystemError` if the folder itself cannot be listed.
  static func collect(
    _ images: HostPath, _ configuration: Configuration, check: ImageCheck, known: [Entry] = [],
    progress: @escaping @Sendable () -> Void = {}
  ) throws(SystemError) -> Catalogue {
    let folder = try ImageFolder(
      images, mayLeave: configuration.outsideLinks, staysOnDevice: false)
    var result = Catalogue(images: [])
    try list(folder, .root, configuration, into: &result, levels: mostLevels, progress)
    let found = result.images
    let knownByFile = Dictionary(known.map { ($0.file, $0) }, uniquingKeysWith: { $1 })
    result.images = try concurrentMap(count: found.count, threads: threads) { index in
      defer { progress() }
      return examine(
        found[index], in: folder, check: check, known: knownByFile[found[index].file])
    }
    return result
  }

  /// The images among the files of a store, not examined yet.
  ///
  /// - Parameter files: their paths below the folder of all.
  public static func images(
    among files: [RelativePath], _ configuration: Configuration
  ) -> [Entry] {
    var levels: [RelativePath: [Name]] = [:]
    for file in files {
      let parent = file.parent
      guard let name = file.name, configuration.folders || parent.isRoot,
        parent.names.count <= mostLevels, !file.names.contains(where: MapKey.isHidden),
        configuration.suffixes.contains(where: { CatalogueNames.hasSuffix(name, $0) })
      else { continue }
      levels[parent, default: []].append(name)
    }
    var entries: [Entry] = []
    // An image wins over a folder of the same name, with everything in it.
    var taken: Set<RelativePath> = []
    for (level, names) in levels.sorted(by: { $0.key.names.count < $1.key.names.count }) {
      var above = level
      while !above.isRoot && !taken.contains(above) { above = above.parent }
      guard above.isRoot else { continue }
      for (key, file) in CatalogueNames.keys(of: names, suffixes: configuration.suffixes) {
        let name = level.appending(key)
        taken.insert(name)
        entries.append(Entry(name: name, file: level.appending(file), size: 0, modified: 0))
      }
    }
    return entries.sorted { $0.name < $1.name }
  }

  private static func list(
    _ folder: ImageFolder, _ path: RelativePath, _ configuration: Configuration,
    into result: inout Catalogue, levels: Int, _ progress: () -> Void
  ) throws(SystemError) {
    let listing = try names(in: folder, path)
    progress()
    let files = listing.files.filter { name in
      configuration.suffixes.contains { CatalogueNames.hasSuffix(name, $0) }
    }
    let keys = CatalogueNames.keys(of: files, suffixes: configuration.suffixes)
    for (key, file) in keys {
      result.images.append(
        Entry(name: path.appending(key), file: path.appending(file), size: 0, modified: 0))
    }
    guard configuration.folders, levels > 0 else { return }
    let taken = Set(keys.map(\.key))
    for name in listing.folders.sorted()
    where !taken.contains(name) {
      // An image wins over a folder of the same name.
      do {
        try list(
          folder, path.appending(name), configuration, into: &result, levels: levels - 1, progress)
      } catch {
        // A folder removed meanwhile is no loss.
        if error.code != ENOENT { result.unreadable.append((path.appending(name), "\(error)")) }
      }
    }
  }

  private static func names(
    in folder: ImageFolder, _ path: RelativePath
  ) throws(SystemError) -> (files: [Name], folders: [Name]) {
    var entries = try DirectoryStream(folder.openForListing(path), path: path.bytes)
    var files: [Name] = []
    var folders: [Name] = []
    while let entry = try entries.next() {
      if MapKey.isHidden(entry.name) { continue }
      switch entries.kind(of: entry) {
      case .directory: folders.append(entry.name)
      case .some: files.append(entry.name)
      // Removed meanwhile.
      case nil: continue
      }
    }
    return (files, folders)
  }

  private static func examine(
    _ entry: Entry, in folder: ImageFolder, check: ImageCheck, known: Entry?
  ) -> Entry {
    var entry = entry
    if let known, let file = folder.openPath(entry.file), let status = stat(of: file.number),
      status.isRegular, status.size == known.size, status.modified == known.modified
    {
      entry.size = known.size
      entry.modified = known.modified
      entry.compressor = known.compressor
      return entry
    }
    guard let file = folder.open(entry.file) else {
      entry.problem =
        errno == EXDEV
        ? "a link that leads out of the folder" : "cannot open: \(SystemError.reason())"
      return entry
    }
    do {
      guard let facts = try check.facts(of: file.number) else {
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

public import Posix
import SquashFSFormat

/// The catalogue in the form for autofs: a map for the top and one for each folder.
///
/// Listings of the mount root show the names in them before anybody has used them. Each map ends
/// with the program map, so that newer names work too.
public struct FileMaps: Equatable, Sendable {
  /// The content of each file, by its name in the folder of the maps.
  public private(set) var files: [Name: [UInt8]] = [:]
  /// The number of images not in a map because autofs cannot read their names there.
  public private(set) var unlisted = 0
  /// The folders in the maps, as paths below the mount root.
  public private(set) var folders: Set<RelativePath> = []

  /// The folder of the maps, in that for this program's own data.
  public static let folder: Name = "maps"
  /// The map of the mount root.
  public static let top: Name = "top"
  /// The prefix of other maps' names.
  private static let folderPrefix = Array("folder-".utf8)

  private static let firstLine = Array(
    "# Written by 'autosquash refresh'; changes here are lost.\n".utf8)

  /// The longest line autofs accepts in a file, in bytes.
  private static let longestLine = 16000

  /// Writes the maps of a catalogue.
  ///
  /// - Parameters:
  ///   - catalogue: `nil` if it could not be made: the maps then name nothing, and the program
  ///     answers for every name.
  ///   - folder: the folder for the maps.
  ///   - program: the program map.
  ///   - check: what the images were checked for.
  ///   - asksAgain: whether mount(8)'s helper checks an image again when it is mounted; for images
  ///     that the kernel mounts.
  ///   - mounted: folders that the automounter has mounted now: their maps must stay, whatever they
  ///     hold.
  ///   - deferred: folders that the maps must not name yet because they are in use; listings show
  ///     them, and those above them, for that reason.
  public init(
    _ catalogue: Catalogue?, configuration: Configuration, folder: HostPath, program: HostPath,
    check: ImageCheck, asksAgain: Bool, mounted: Set<RelativePath> = [],
    deferred: Set<RelativePath> = []
  ) {
    let checkedFor = Self.checked(configuration, check)
    let type = MapEntry.MountType(configuration)
    var lines: [RelativePath: [(name: Name, line: [UInt8])]] = [.root: []]
    for level in mounted where Self.canHaveMap(level) { lines[level] = [] }
    for image in catalogue?.images ?? [] where image.problem == nil {
      let options = configuration.options
      let entry: MapEntry?
      switch configuration.images {
      case .bucket(let bucket):
        entry = MapEntry(askingToMount: ImageURL(bucket.url(of: image.file)), options: options)
      case .folder(let folder):
        let location = folder.appending(image.file)
        // The helper looks at it once more, and leaves it to the kernel.
        entry = MapEntry(
          mounting: location, type: asksAgain && type == .loop ? .autosquash : type,
          options: options)
      }
      guard let entry, let name = image.name.name, Self.isListable(image.name),
        entry.bytes.count < Self.longestLine
      else {
        unlisted += 1
        continue
      }
      let parent = image.name.parent
      lines[parent, default: []].append(
        (name, Self.comment(image) + Self.quoted(name) + entry.bytes + [UInt8(ascii: "\n")]))
      // The maps above name the images' folders.
      var level = parent
      while let name = level.name, !deferred.contains(level), folders.insert(level).inserted {
        let entry =
          Array("-fstype=autofs,browse file:".utf8)
          + folder.appending(Self.fileName(level)).bytes + [UInt8(ascii: "\n")]
        lines[level.parent, default: []].append((name, Self.quoted(name) + entry))
        level = level.parent
      }
    }
    for (level, lines) in lines {
      var text = Self.firstLine
      if level.isRoot { text += checkedFor + [UInt8(ascii: "\n")] }
      for (_, line) in lines.sorted(by: { $0.name < $1.name }) {
        text += line
      }
      files[Self.fileName(level)] = text + Self.lastLine(program: program) + [UInt8(ascii: "\n")]
    }
  }

  /// The last line of each map: whom to ask about other names.
  public static func lastLine(program: HostPath) -> [UInt8] {
    Array("+program:".utf8) + program.bytes
  }

  /// The images in a folder's maps that would mount when the maps were written.
  ///
  /// Errors in the files are ignored: the images are then checked again.
  public static func known(
    in folder: Folder, _ configuration: Configuration, check: ImageCheck
  ) -> [Catalogue.Entry] {
    let checkedFor = checked(configuration, check)
    let first = contents(of: top, in: folder) ?? []
    guard first.split(separator: UInt8(ascii: "\n")).contains(where: { $0 == checkedFor[...] })
    else { return [] }
    return names(in: folder).flatMap { name in
      (contents(of: name, in: folder) ?? [])
        .split(separator: UInt8(ascii: "\n")).compactMap { image(parsing: $0) }
    }
  }

  /// The entry of an image in a map.
  ///
  /// - Parameter folder: the folder of the maps.
  public static func entry(
    of key: MapKey, at level: MapLevel, in folder: HostPath
  ) -> MapEntry? {
    let path = folder.appending(fileName(level.path))
    guard let text = try? SmallFile.read(path, limit: 256 << 20) else { return nil }
    let start = quoted(key.name) + Array("-fstype=".utf8) + MountProgram.type
    for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: start) {
      return MapEntry(wireBytes: Array(line.dropFirst(quoted(key.name).count)))
    }
    return nil
  }

  /// The folders named by the maps in a folder.
  public static func folders(in folder: Folder) -> Set<RelativePath> {
    var found: Set<RelativePath> = []
    for name in names(in: folder) {
      for line in (contents(of: name, in: folder) ?? [])
        .split(separator: UInt8(ascii: "\n")) where line.first == UInt8(ascii: "\"")
      {
        if let level = Self.level(of: line.lastPathComponent) { found.insert(level) }
      }
    }
    return found
  }

  /// Whether the files in a folder differ from these.
  public func differ(from folder: Folder) -> Bool {
    Set(Self.names(in: folder)) != Set(files.keys)
      || files.contains { name, text in
        Self.contents(of: name, in: folder) != text
      }
  }

  /// Writes missing and outdated files, and removes those of folders that are gone.
  public func write(to folder: Folder) throws(SystemError) {
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      if Self.contents(of: name, in: folder) == text { continue }
      try SmallFile.write(text, to: name, in: folder, mode: 0o644)
    }
    for name in Self.names(in: folder) where files[name] == nil { try folder.remove(name) }
  }

  /// Removes all maps from a folder.
  ///
  /// - Returns: whether there were any.
  public static func remove(from folder: Folder) throws(SystemError) -> Bool {
    let names = names(in: folder)
    for name in names { try folder.remove(name) }
    return !names.isEmpty
  }

  // MARK: Names

  /// Whether autofs can read a name as a key in a file: each part, quoted.
  private static func isListable(_ path: RelativePath) -> Bool {
    canHaveMap(path.parent) && isReadable(path)
  }

  /// Whether a folder's map can have a name, which takes two digits for every byte of its path, and
  /// autofs can read the names above it.
  private static func canHaveMap(_ folder: RelativePath) -> Bool {
    folder.bytes.count < 120 && isReadable(folder)
  }

  /// A name that is only an asterisk would match every name.
  private static func isReadable(_ path: RelativePath) -> Bool {
    MapEntry.canQuote(path) && !path.names.contains("*")
  }

  private static func quoted(_ name: Name) -> [UInt8] {
    [UInt8(ascii: "\"")] + name.bytes + Array("\" ".utf8)
  }

  /// The file of a folder's map: a name that needs no quoting.
  private static func fileName(_ level: RelativePath) -> Name {
    level.isRoot ? top : Name(unchecked: folderPrefix + level.bytes.hexadecimal)
  }

  /// The folder whose map has this name.
  private static func level(of file: some Collection<UInt8>) -> RelativePath? {
    guard file.starts(with: folderPrefix) else { return nil }
    return [UInt8](hexadecimal: Array(file.dropFirst(folderPrefix.count))[...]).flatMap {
      RelativePath($0)
    }
  }

  // MARK: Comments

  private static let commentStart = Array("# image ".utf8)

  /// A line for `known`.
  private static func comment(_ image: Catalogue.Entry) -> [UInt8] {
    commentStart + image.text + [UInt8(ascii: "\n")]
  }

  private static func image(parsing line: ArraySlice<UInt8>) -> Catalogue.Entry? {
    line.starts(with: commentStart)
      ? Catalogue.Entry(text: line.dropFirst(commentStart.count)) : nil
  }

  /// A line that records what the images were checked for: after a change of settings or kernel,
  /// they must be checked again.
  private static func checked(_ configuration: Configuration, _ check: ImageCheck) -> [UInt8] {
    let compressors = check.kernel.compressors?.map(\.rawValue).sorted().map { "\($0)" }
    let filters = check.kernel.filters.map { "\($0.rawValue)" }
    let kernel =
      check.mountsByKernel
      ? "kernel \(check.kernel.hasSquashFS != false) "
        + (compressors?.joined(separator: ",") ?? "unknown") + " \(filters ?? "unknown")"
      : "program"
    return Array("# checked for \(kernel) \(configuration.outsideLinks) ".utf8)
      + configuration.images.bytes.hexadecimal
  }

  // MARK: Files

  /// The maps in a folder.
  private static func names(in folder: Folder) -> [Name] {
    ((try? folder.names()) ?? []).filter { name in
      (name == top || level(of: name.bytes) != nil)
        && contents(of: name, in: folder)?.starts(with: firstLine) == true
    }
  }

  private static func contents(of name: Name, in folder: Folder) -> [UInt8]? {
    try? SmallFile.read(name, in: folder, limit: 256 << 20, followsLinks: false)
  }
}

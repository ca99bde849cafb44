public import Posix
internal import SquashFSFormat

/// The catalogue in the form that autofs reads: a map for the top and one for each folder.
///
/// Names in them show in a listing of the mount root before anybody has used them. Each map ends
/// with the program map, so that names which came since work too.
public struct FileMaps: Equatable, Sendable {
  /// What each file holds, by its name in the folder of the maps.
  public private(set) var files: [Name: [UInt8]] = [:]
  /// Images that are not in a map, because autofs cannot read their names there.
  public private(set) var unlisted = 0
  /// The folders that the maps name, as paths below the mount root.
  public private(set) var folders: Set<RelativePath> = []

  /// The map of the mount root.
  public static let top: Name = "top"
  /// What the names of other maps begin with.
  private static let folderPrefix = Array("folder-".utf8)

  private static let firstLine = Array(
    "# Written by 'autosquash refresh'; what is changed here is lost.\n".utf8)

  /// The longest line that autofs takes from a file, in bytes.
  private static let longestLine = 16000

  /// Writes the maps of a catalogue.
  ///
  /// - Parameters:
  ///   - catalogue: `nil` where it could not be made: the maps then name nothing, and who asks for
  ///     a name gets the program's answer.
  ///   - folder: where the maps will lie.
  ///   - program: the program map.
  ///   - check: what the images were checked for.
  ///   - asksAgain: whether an image is looked at once more when it is mounted, by mount(8)'s
  ///     helper; for images that the kernel mounts.
  ///   - mounted: folders that are mounted by the automounter now: their maps must stay, whatever
  ///     is in them.
  ///   - deferred: folders that the maps must not name yet, as they are in use; they and those above
  ///     them show in listings for that.
  public init(
    _ catalogue: Catalogue?, configuration: Configuration, folder: HostPath, program: HostPath,
    check: ImageCheck, asksAgain: Bool, mounted: Set<RelativePath> = [],
    deferred: Set<RelativePath> = []
  ) {
    let checkedFor = Self.checked(configuration, check)
    let type = MapEntry.MountType(configuration.fileSystem)
    var lines: [RelativePath: [(name: Name, line: [UInt8])]] = [.root: []]
    for level in mounted where Self.canHaveMap(level) { lines[level] = [] }
    for image in catalogue?.images ?? [] where image.problem == nil {
      let location = configuration.images.appending(image.file)
      let options = configuration.options
      let entry =
        asksAgain && type == .loop
        ? MapEntry(askingToMount: location, options: options)
        : MapEntry(mounting: location, type: type, options: options)
      guard let entry, let name = image.name.name, Self.isListable(image.name),
        entry.bytes.count < Self.longestLine
      else {
        unlisted += 1
        continue
      }
      let parent = image.name.parent
      lines[parent, default: []].append(
        (name, Self.comment(image) + Self.quoted(name) + entry.bytes + [UInt8(ascii: "\n")]))
      // The image's folders are named in the maps above.
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

  /// What each map ends with: who has what it does not name.
  public static func lastLine(program: HostPath) -> [UInt8] {
    Array("+program:".utf8) + program.bytes
  }

  /// The images in the maps of a folder, which would mount when the maps were written.
  ///
  /// What is wrong in the files is passed over: the images are then looked at again.
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

  /// The folders that the maps in a folder name.
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

  /// Whether the files in a folder are others than these.
  public func differ(from folder: Folder) -> Bool {
    Set(Self.names(in: folder)) != Set(files.keys)
      || files.contains { name, text in
        Self.contents(of: name, in: folder) != text
      }
  }

  /// Writes the files that are not what they should be, and removes those of folders that are gone.
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

  /// Whether autofs can read a name as a key in a file: all its parts, in quotation marks.
  private static func isListable(_ path: RelativePath) -> Bool {
    canHaveMap(path.parent) && isReadable(path)
  }

  /// Whether a folder's map can have a name, which has two digits for every byte of its path, and
  /// autofs can read those above it.
  private static func canHaveMap(_ folder: RelativePath) -> Bool {
    folder.bytes.count < 120 && isReadable(folder)
  }

  /// A name that is only an asterisk would be every name's.
  private static func isReadable(_ path: RelativePath) -> Bool {
    MapEntry.canQuote(path) && !path.names.contains("*")
  }

  private static func quoted(_ name: Name) -> [UInt8] {
    [UInt8(ascii: "\"")] + name.bytes + Array("\" ".utf8)
  }

  /// The file of a folder's map: a name that needs no quotes.
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

  /// A line that tells what the images were checked for: with other settings, or another kernel,
  /// they have to be looked at again.
  private static func checked(_ configuration: Configuration, _ check: ImageCheck) -> [UInt8] {
    let compressors = check.kernel.compressors?.map(\.rawValue).sorted().map { "\($0)" }
    let kernel =
      check.mountsByKernel
      ? "kernel \(check.kernel.hasSquashFS != false) "
        + (compressors?.joined(separator: ",") ?? "unknown") : "program"
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

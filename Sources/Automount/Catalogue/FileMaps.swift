public import Posix
internal import SquashFSFormat

/// The catalogue in the form that autofs reads: a map for the top and one for each folder.
///
/// Names in them show in a listing of the mount root before anybody has used them. Each map ends
/// with the program map, so that names which came since work too.
public struct FileMaps: Equatable, Sendable {
  /// What each file holds, by its name in the folder of the maps.
  public private(set) var files: [[UInt8]: [UInt8]] = [:]
  /// Images that are not in a map, because autofs cannot read their names there.
  public private(set) var unlisted = 0
  /// The folders that the maps name, as paths below the mount root.
  public private(set) var folders: Set<[UInt8]> = []

  /// The map of the mount root.
  public static let top = Array("top".utf8)
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
    _ catalogue: Catalogue?, configuration: Configuration, folder: [UInt8], program: [UInt8],
    check: ImageCheck, asksAgain: Bool, mounted: Set<[UInt8]> = [], deferred: Set<[UInt8]> = []
  ) {
    let checkedFor = Self.checked(configuration, check)
    let type = MapEntry.MountType(configuration.fileSystem)
    var lines: [[UInt8]: [(name: [UInt8], line: [UInt8])]] = [[]: []]
    for level in mounted where Self.isListable(level + Array("/".utf8)) { lines[level] = [] }
    for image in catalogue?.images ?? [] where image.problem == nil {
      let location = configuration.images + [UInt8(ascii: "/")] + image.file
      let options = configuration.options
      let entry =
        asksAgain && type == .loop
        ? MapEntry(askingToMount: location, options: options)
        : MapEntry(mounting: location, type: type, options: options)
      guard let entry, Self.isListable(image.name), entry.bytes.count < Self.longestLine
      else {
        unlisted += 1
        continue
      }
      let (parent, name) = Self.cut(image.name)
      lines[parent, default: []].append(
        (name, Self.comment(image) + Self.quoted(name) + entry.bytes + [UInt8(ascii: "\n")]))
      // The image's folders are named in the maps above.
      var level = parent
      while !level.isEmpty && !deferred.contains(level) && folders.insert(level).inserted {
        let (above, name) = Self.cut(level)
        let entry =
          Array("-fstype=autofs,browse file:".utf8) + folder + [UInt8(ascii: "/")]
          + Self.fileName(level) + [UInt8(ascii: "\n")]
        lines[above, default: []].append((name, Self.quoted(name) + entry))
        level = above
      }
    }
    for (level, lines) in lines {
      var text = Self.firstLine
      if level.isEmpty { text += checkedFor + [UInt8(ascii: "\n")] }
      for (_, line) in lines.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
        text += line
      }
      files[Self.fileName(level)] = text + Self.lastLine(program: program) + [UInt8(ascii: "\n")]
    }
  }

  /// What each map ends with: who has what it does not name.
  public static func lastLine(program: [UInt8]) -> [UInt8] { Array("+program:".utf8) + program }

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
  public static func folders(in folder: Folder) -> Set<[UInt8]> {
    var found: Set<[UInt8]> = []
    for name in names(in: folder) {
      for line in (contents(of: name, in: folder) ?? [])
        .split(separator: UInt8(ascii: "\n")) where line.first == UInt8(ascii: "\"")
      {
        guard let slash = line.lastIndex(of: UInt8(ascii: "/")) else { continue }
        let file = line[(slash + 1)...]
        if file.starts(with: folderPrefix),
          let level = [UInt8](hexadecimal: file.dropFirst(folderPrefix.count))
        {
          found.insert(level)
        }
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
    for (name, text) in files.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
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
  private static func isListable(_ path: [UInt8]) -> Bool {
    // The name of a folder's map has two digits for every byte of the folder's path.
    // A name that is only an asterisk would be every name's.
    MapEntry.canQuote(path) && cut(path).parent.count < 120
      && !path.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual("*".utf8) }
  }

  private static func cut(_ path: [UInt8]) -> (parent: [UInt8], name: [UInt8]) {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return ([], path) }
    return (Array(path[..<slash]), Array(path[(slash + 1)...]))
  }

  private static func quoted(_ name: [UInt8]) -> [UInt8] {
    [UInt8(ascii: "\"")] + name + Array("\" ".utf8)
  }

  /// The file of a folder's map: a name that needs no quotes.
  private static func fileName(_ level: [UInt8]) -> [UInt8] {
    level.isEmpty ? top : folderPrefix + level.hexadecimal
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
      + configuration.images.hexadecimal
  }

  // MARK: Files

  /// The maps in a folder.
  private static func names(in folder: Folder) -> [[UInt8]] {
    ((try? folder.names()) ?? []).filter { name in
      let isFolder =
        name.starts(with: folderPrefix)
        && [UInt8](hexadecimal: name[folderPrefix.count...]) != nil
      return (name == top || isFolder)
        && contents(of: name, in: folder)?.starts(with: firstLine) == true
    }
  }

  private static func contents(of name: [UInt8], in folder: Folder) -> [UInt8]? {
    try? SmallFile.read(name, in: folder, limit: 256 << 20, followsLinks: false)
  }
}

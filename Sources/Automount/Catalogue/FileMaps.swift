internal import Glibc
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
  static let top = Array("top".utf8)
  /// What the names of other maps begin with.
  private static let folderPrefix = Array("folder-".utf8)

  /// The longest line that autofs takes from a file, in bytes.
  private static let longestLine = 16000

  /// Writes the maps of a catalogue.
  ///
  /// - Parameters:
  ///   - catalogue: `nil` where it could not be made: the maps then name nothing, and who asks for
  ///     a name gets the program's answer.
  ///   - folder: where the maps will lie.
  ///   - program: the program map.
  ///   - mounted: folders that are mounted by the automounter now: their maps must stay, whatever
  ///     is in them.
  ///   - deferred: folders that the maps must not name yet.
  public init(
    _ catalogue: Catalogue?, configuration: Configuration, folder: [UInt8], program: [UInt8],
    mounted: Set<[UInt8]> = [], deferred: Set<[UInt8]> = []
  ) {
    let type = MapEntry.MountType(configuration.fileSystem)
    var lines: [[UInt8]: [(name: [UInt8], line: [UInt8])]] = [[]: []]
    for level in mounted where Self.isListable(level + Array("/".utf8)) { lines[level] = [] }
    for image in catalogue?.images ?? [] where image.problem == nil {
      let location = configuration.images + [UInt8(ascii: "/")] + image.file
      guard let entry = MapEntry(mounting: location, type: type, options: configuration.options),
        Self.isListable(image.name), entry.bytes.count < Self.longestLine
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
      var text = Array("# Written by 'autosquash refresh'; what is changed here is lost.\n".utf8)
      for (_, line) in lines.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
        text += line
      }
      files[Self.fileName(level)] = text + Array("+program:".utf8) + program + [UInt8(ascii: "\n")]
    }
  }

  /// The images in the maps of a folder, which would mount when the maps were written.
  ///
  /// What is wrong in the files is passed over: the images are then looked at again.
  public static func known(in folder: [UInt8]) -> [Catalogue.Entry] {
    names(in: folder).flatMap { name in
      (contents(of: folder + [UInt8(ascii: "/")] + name) ?? [])
        .split(separator: UInt8(ascii: "\n")).compactMap { image(parsing: $0) }
    }
  }

  /// The folders that the maps in a folder name.
  public static func folders(in folder: [UInt8]) -> Set<[UInt8]> {
    var found: Set<[UInt8]> = []
    for name in names(in: folder) {
      for line in (contents(of: folder + [UInt8(ascii: "/")] + name) ?? [])
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
  public func differ(from folder: [UInt8]) -> Bool {
    Set(Self.names(in: folder)) != Set(files.keys)
      || files.contains { name, text in
        Self.contents(of: folder + [UInt8(ascii: "/")] + name) != text
      }
  }

  /// Writes the files that are not what they should be, and removes those of folders that are gone.
  public func write(to folder: [UInt8]) throws(SystemError) {
    for (name, text) in files.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let path = folder + [UInt8(ascii: "/")] + name
      if Self.contents(of: path) == text { continue }
      try SmallFile.write(text, to: path, mode: 0o644)
    }
    for name in Self.names(in: folder) where files[name] == nil {
      _ = (folder + [UInt8(ascii: "/")] + name).withCPath { unlink($0) }
    }
  }

  /// Removes all maps from a folder.
  public static func remove(from folder: [UInt8]) {
    for name in names(in: folder) {
      _ = (folder + [UInt8(ascii: "/")] + name).withCPath { unlink($0) }
    }
  }

  // MARK: Names

  /// Whether autofs can read a name as a key in a file: all its parts, in quotation marks.
  private static func isListable(_ path: [UInt8]) -> Bool {
    // The name of a folder's map has two digits for every byte of the folder's path.
    MapEntry.canQuote(path) && cut(path).parent.count < 120
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

  /// A line for `known`: size, time, compressor, and in hexadecimal the name and the file.
  private static func comment(_ image: Catalogue.Entry) -> [UInt8] {
    commentStart
      + Array("\(image.size) \(image.modified) \(image.compressor?.rawValue ?? 0) ".utf8)
      + image.name.hexadecimal + [UInt8(ascii: " ")] + image.file.hexadecimal
      + [UInt8(ascii: "\n")]
  }

  private static func image(parsing line: ArraySlice<UInt8>) -> Catalogue.Entry? {
    guard line.starts(with: commentStart) else { return nil }
    let fields = line.dropFirst(commentStart.count).split(separator: UInt8(ascii: " "))
    guard fields.count == 5, let size = UInt64(String(decoding: fields[0], as: UTF8.self)),
      let modified = Int64(String(decoding: fields[1], as: UTF8.self)),
      let compressor = UInt16(String(decoding: fields[2], as: UTF8.self)),
      let name = [UInt8](hexadecimal: fields[3]), let file = [UInt8](hexadecimal: fields[4])
    else { return nil }
    return Catalogue.Entry(
      name: name, file: file, size: size, modified: modified,
      compressor: CompressorID(rawValue: compressor))
  }

  // MARK: Files

  /// The maps in a folder.
  private static func names(in folder: [UInt8]) -> [[UInt8]] {
    guard let stream = folder.withCPath({ opendir($0) }) else { return [] }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        Array(bytes.prefix { $0 != 0 })
      }
      if name == top || name.starts(with: folderPrefix) { names.append(name) }
    }
    return names
  }

  private static func contents(of path: [UInt8]) -> [UInt8]? {
    try? SmallFile.read(path, limit: 256 << 20, followsLinks: false)
  }
}

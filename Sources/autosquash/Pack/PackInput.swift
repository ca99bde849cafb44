import FileTrees
import Glibc
import Posix
import SquashFS
import Terminal
import TreeModel

/// One source of an image.
struct PackInput {
  let path: [UInt8]
  let isDirectory: Bool
  let prefix: [[UInt8]]

  init(_ argument: SourceArgument) {
    path = argument.path
    prefix = argument.prefix
    var status = stat()
    isDirectory = path.withCPath { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// How its tree is made: as it would be alone, but for the prefix.
  func options(
    _ options: TreeAssembler.Options, whiteouts: Whiteouts?
  ) -> TreeAssembler.Options {
    var options = options
    options.selection.prefix = prefix
    // A layer may have one directory and mean nothing by it.
    options.stripsSingleTop = !isDirectory && whiteouts == nil
    if isDirectory { options.sourceName = SourceName(ofDirectory: path) }
    return options
  }

  /// - Parameter image: what is being made; it must not go into itself.
  func open(
    _ command: Pack, _ messages: Messages, besides image: AtomicFile? = nil
  ) throws -> PackSource {
    if isDirectory {
      var options = command.directories.options()
      options.oneFileSystem = command.reading.oneFileSystem
      options.ignoresUnreadable = command.reading.ignoreUnreadable
      let images = image.map {
        [
          DirectorySource.FileIdentity(of: $0.path.bytes),
          DirectorySource.FileIdentity(descriptor: $0.descriptor),
        ]
      }
      options.skipped = Set((images ?? []).compactMap { $0 })
      let reader = DirectorySource(path: Self.withoutTrailingSlashes(path), options: options)
      reader.reportUnreadable = { messages.warn($0.path, $0.cause) }
      return .directory(reader)
    }
    let isFile = path != Array("-".utf8)
    if isFile, let format = AnyTree.foreignFormat(of: path) {
      throw ImageReadError(format, at: 0)
    }
    if isFile && AnyTree.isImage(path) {
      throw SourceError(
        .refused, path: path,
        "this is an image already; autosquash extract IMAGE --to-tar - | autosquash pack - -o OTHER "
          + "packs its files anew")
    }
    var options = command.archives.options()
    options.allowsTruncated = command.reading.allowTruncated
    let reader = try ArchiveSource(path: path, options: options)
    reader.warn = { [path] in messages.warn(path, $0) }
    return .archive(reader)
  }

  private static func withoutTrailingSlashes(_ path: [UInt8]) -> [UInt8] {
    var path = path
    while path.count > 1 && path.last == UInt8(ascii: "/") { path.removeLast() }
    return path
  }
}

extension SourceName {
  /// - Parameter path: as it was given.
  fileprivate init(ofDirectory path: [UInt8]) {
    let resolved = path.withCPath { realpath($0, nil) }
    defer { free(resolved) }
    self.init(path, resolved.map { [[UInt8](cString: $0)] } ?? [])
  }
}

/// Where an image is made from.
enum PackSource {
  case directory(DirectorySource)
  case archive(ArchiveSource)

  func read(into assembler: TreeAssembler) throws {
    switch self {
    case .directory(let source): try source.read(into: assembler)
    case .archive(let source):
      assembler.findTop = { try source.findTop() }
      try source.read(into: assembler)
    }
  }

  /// The number of files that could not be read and were left out.
  var unreadable: Int {
    if case .directory(let source) = self { source.unreadable } else { 0 }
  }

  /// The number of directories that changed while they were read.
  var changedDirectories: Int {
    if case .directory(let source) = self { source.changedDirectories } else { 0 }
  }

  /// Whether an archive ended too early.
  var wasCut: Bool {
    switch self {
    case .directory: false
    case .archive(let source): source.wasCut
    }
  }
}

/// What is to be said of an image's sources.
struct SourceSummary {
  /// The number of files that could not be read and were left out.
  private(set) var unreadable = 0
  /// The number of directories that changed while they were read.
  private(set) var changedDirectories = 0
  private(set) var wasCut = false
  /// The single top directories that became roots.
  private(set) var strippedTops: [[UInt8]] = []

  var isWhole: Bool { unreadable + changedDirectories == 0 && !wasCut }

  /// Reads a source, and puts its tree on top of those before it.
  mutating func add(
    _ reader: PackSource, _ assembler: TreeAssembler, to layers: inout SourceLayers
  ) throws {
    try reader.read(into: assembler)
    unreadable += reader.unreadable
    changedDirectories += reader.changedDirectories
    wasCut = wasCut || reader.wasCut
    assembler.isSourceCut = reader.wasCut
    try layers.add(assembler)
    if let top = assembler.notes.strippedTop { strippedTops.append(top) }
  }
}

import FileTrees
import Glibc
import Inputs
import Posix
import SquashFS
import TreeModel

/// One source of an image.
struct PackInput {
  let path: [UInt8]
  let isDirectory: Bool
  let prefix: [[UInt8]]

  init(_ source: PlacedSource) {
    path = source.path
    prefix = source.prefix
    isDirectory = stat(at: path)?.isDirectory == true
  }

  /// How to build its tree: as if it were the only source, except for the prefix.
  func options(
    _ options: TreeAssembler.Options, whiteouts: Whiteouts?
  ) -> TreeAssembler.Options {
    var options = options
    options.selection.prefix = prefix
    // A layer may have a single directory by chance.
    options.stripsSingleTop = !isDirectory && whiteouts == nil
    if isDirectory { options.sourceName = SourceName(ofDirectory: path) }
    return options
  }

  /// - Parameter image: the image under construction, which must not go into itself.
  func open(_ packing: Packer.Options, excluding image: AtomicFile? = nil) throws -> PackSource {
    let warn = packing.warn
    if isDirectory {
      var options = packing.directories
      let images = image.map {
        [
          stat(at: $0.path, followsLinks: false)?.identity,
          stat(of: $0.descriptor)?.identity,
        ]
      }
      options.skipped = Set((images ?? []).compactMap { $0 })
      let reader = DirectorySource(path: Array(path.withoutTrailingSlashes), options: options)
      reader.reportUnreadable = { warn($0.path, $0.cause) }
      return .directory(reader)
    }
    if RemoteObjects.isRemote(path) {
      let pipe = try ObjectPipe(path)
      let reader = try ArchiveSource(path: pipe.path, options: packing.archives)
      reader.warn = { [path] in warn(path, $0) }
      return .archive(reader, pipe)
    }
    let isFile = path != Array("-".utf8)
    if isFile, let format = TreeInput.foreignFormat(of: path) {
      throw ImageReadError(format, at: 0)
    }
    if isFile && TreeInput.isImage(path) {
      throw SourceError(
        .refused, path: path,
        "this is already an image; autosquash extract IMAGE --to-tar - | autosquash pack - -o OTHER "
          + "repacks its files")
    }
    let reader = try ArchiveSource(path: path, options: packing.archives)
    reader.warn = { [path] in warn(path, $0) }
    return .archive(reader, nil)
  }
}

extension SourceName {
  /// - Parameter path: as given.
  fileprivate init(ofDirectory path: [UInt8]) {
    let resolved = path.withCPath { realpath($0, nil) }
    defer { free(resolved) }
    self.init(path, resolved.map { [[UInt8](cString: $0)] } ?? [])
  }
}

/// The source of an image.
enum PackSource {
  case directory(DirectorySource)
  /// With the pipe that brings it, if it is far away.
  case archive(ArchiveSource, ObjectPipe?)

  func read(into assembler: TreeAssembler) throws {
    switch self {
    case .directory(let source): try source.read(into: assembler)
    case .archive(let source, let pipe):
      assembler.findTop = { try source.findTop() }
      do { try source.read(into: assembler) } catch { throw pipe?.explained(error) ?? error }
      try pipe?.check()
    }
  }

  /// The number of unreadable files left out.
  var unreadable: Int {
    if case .directory(let source) = self { source.unreadable } else { 0 }
  }

  /// The number of directories that changed during reading.
  var changedDirectories: Int {
    if case .directory(let source) = self { source.changedDirectories } else { 0 }
  }

  /// Whether an archive ended too early.
  var wasCut: Bool {
    switch self {
    case .directory: false
    case .archive(let source, _): source.wasCut
    }
  }
}

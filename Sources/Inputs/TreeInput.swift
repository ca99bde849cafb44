package import FileTrees
import Glibc
package import Manifests
import Posix
import SquashFS
package import SquashFSFormat
package import TreeModel

/// A source, with its place in an image.
package struct PlacedSource: Sendable {
  package var path: [UInt8]
  /// The path in the image to put everything below.
  package var prefix: [[UInt8]]

  package init(path: [UInt8], prefix: [[UInt8]] = []) {
    self.path = path
    self.prefix = prefix
  }
}

/// Any input that holds files: an image, a directory, an archive, a manifest.
package struct TreeInput {
  /// The kind of input.
  package enum Kind: Sendable {
    case image, directory, archive, manifest
  }

  package let path: [UInt8]
  package let kind: Kind
  /// The start of a pipe, which cannot be looked at twice.
  private let pipe: PipeStart?

  /// Finds out the kind of an input. A pipe has no telling name, so its first bytes must decide.
  ///
  /// - Parameter readsSpecifications: whether an mtree file names the files with the contents, as
  ///   for pack, or is a manifest of what should exist.
  package init(_ path: [UInt8], offset: ImageOffset = .start, readsSpecifications: Bool = false) {
    self.path = path
    let isRemote = RemoteObjects.isRemote(path)
    pipe = isRemote ? nil : PipeStart(path, count: Self.title.count)
    var status = stat()
    if isRemote {
      kind = Self.remoteKind(path, offset, readsSpecifications: readsSpecifications)
    } else if let pipe {
      // The writer's first piece may be short; no archive begins like this.
      let isManifest =
        !pipe.bytes.isEmpty && Self.title.starts(with: pipe.bytes) && !readsSpecifications
      kind = isManifest ? .manifest : Self.isMagic(pipe.bytes) ? .image : .archive
    } else if path.withCPath({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR {
      kind = .directory
    } else if path.suffix(Self.manifestSuffix.count).elementsEqual(Self.manifestSuffix) {
      kind = readsSpecifications ? .archive : .manifest
    } else if offset != .start || Self.isImage(path) || Self.foreignFormat(of: path) != nil {
      kind = .image
    } else {
      kind = .archive
    }
  }

  /// The kind of an object; if it cannot be opened, reading it says why.
  private static func remoteKind(
    _ name: [UInt8], _ offset: ImageOffset, readsSpecifications: Bool
  ) -> Kind {
    if name.suffix(manifestSuffix.count).elementsEqual(manifestSuffix) {
      return readsSpecifications ? .archive : .manifest
    }
    guard offset == .start, let source = try? ObjectBytes(name) else { return .image }
    let bytes = [UInt8](unsafeUninitializedCapacity: Superblock.byteCount) { buffer, filled in
      filled = (try? source.read(UnsafeMutableRawBufferPointer(buffer), at: 0)) ?? 0
    }
    let isForeign =
      bytes.count == Superblock.byteCount && ForeignFormat(parsing: bytes.span.bytes) != nil
    return isMagic(bytes) || isForeign ? .image : .archive
  }

  private static let manifestSuffix = ".mtree".utf8
  /// The first line of a manifest.
  private static let title = "#mtree".utf8

  /// Whether a file begins like an image.
  package static func isImage(_ path: [UInt8]) -> Bool { isMagic(firstBytes(of: path, count: 4)) }

  private static func isMagic(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 4 && bytes.withUnsafeBytes { $0.little(0) } == Superblock.magic
  }

  /// The format of a file that is an image, but not one that Linux reads.
  package static func foreignFormat(of path: [UInt8]) -> ForeignFormat? {
    let bytes = firstBytes(of: path, count: Superblock.byteCount)
    guard bytes.count == Superblock.byteCount else { return nil }
    return ForeignFormat(parsing: bytes.span.bytes)
  }

  /// The start of a file or a disk; nothing for a pipe, since looking would consume its bytes.
  private static func firstBytes(of path: [UInt8], count: Int) -> [UInt8] {
    guard let status = stat(at: path), status.st_mode & S_IFMT != S_IFIFO else {
      return []
    }
    let file = path.withCPath { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard file >= 0 else { return [] }
    defer { close(file) }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = max(0, retryingInterrupts { pread(file, buffer.baseAddress!, count, 0) })
    }
  }

  /// Options for reading and reporting.
  package struct Options {
    /// How to build the trees of sources; those of images and manifests stay unchanged.
    package var assembly = TreeAssembler.Options()
    package var archives = ArchiveSource.Options()
    package var directories = DirectorySource.Options()
    /// The form of content digests; for a comparison with a manifest, the manifest's own.
    package var digests = DigestSink.Form.bytes
    package var threads = 1
    package var offset = ImageOffset.start
    package var warn: (String) -> Void = { _ in }
    /// Called for each input before it is read; its result receives the progress.
    package var progress: ((_ path: [UInt8]) -> ProgressReport)?
    /// Whether the tree may become an image, which its users should be able to read completely.
    package var warnsOfClosedPlaces = false
    /// What to do about an image inside a file that is not an archive.
    package var embeddedImageHint: String?

    package init() {}

    fileprivate func warn(of notes: AssemblyNotes) {
      var notes = notes
      if !warnsOfClosedPlaces { notes.closed = ClosedPlaces() }
      for warning in notes.warnings { warn(warning) }
    }
  }

  /// Reads everything, contents too.
  ///
  /// - Throws: `SourceError`, `ImageReadError`, `SystemError`.
  package func read(_ options: Options) throws -> DigestedTree {
    if kind == .manifest {
      return try withLocalPath { path in
        var reader = try reopening { try ManifestReader(path: path) }
        return try reader.read()
      }
    }
    var assembly = options.assembly
    if kind == .image {
      assembly = Self.unchanged
      assembly.xattrs = options.assembly.xattrs
    } else {
      assembly.stripsSingleTop = kind == .archive
    }
    let sink = DigestSink(form: options.digests)
    let assembler = TreeAssembler(assembly, content: content(sink, options))
    try read(into: assembler, options)
    let tree = try assembler.finish()
    if kind != .image { options.warn(of: assembler.notes) }
    return DigestedTree(tree, sink)
  }

  private func content(_ sink: DigestSink, _ options: Options) -> any ContentSink {
    guard let report = options.progress?(path) else { return sink }
    return ProgressSink(sink) { report($0, nil) }
  }

  /// Reads several sources, each on top of the previous ones.
  package static func read(
    _ sources: [PlacedSource], _ options: Options, whiteouts: Whiteouts?
  ) throws -> DigestedTree {
    let sink = DigestSink(form: options.digests)
    var layers = SourceLayers(options.assembly, whiteouts: whiteouts)
    for source in sources {
      let any = TreeInput(source.path, readsSpecifications: true)
      var assembly = any.kind == .image ? unchanged : options.assembly
      assembly.selection.prefix = source.prefix
      assembly.stripsSingleTop = any.kind == .archive && whiteouts == nil
      let assembler = TreeAssembler(assembly, content: any.content(sink, options))
      try any.read(into: assembler, options)
      try layers.add(assembler)
    }
    options.warn(of: layers.notes)
    return DigestedTree(layers.finish().tree, sink)
  }

  private func read(into assembler: TreeAssembler, _ options: Options) throws {
    switch kind {
    case .directory:
      try DirectorySource(path: path, options: options.directories).read(into: assembler)
    case .image:
      let image = try ImageOpener.open(path, offset: options.offset)
      try ImageSource(image, threads: options.threads).read(into: assembler)
    case .archive, .manifest:
      do { try readArchive(into: assembler, options) } catch let error as SourceError
        where error.code == .unreadable && pipe == nil
      {
        throw ImageOpener.explained(error, path, hint: options.embeddedImageHint)
      }
    }
  }

  private func readArchive(into assembler: TreeAssembler, _ options: Options) throws {
    try withLocalPath { path in
      let source = try reopening {
        try ArchiveSource(path: path, options: options.archives)
      }
      source.warn = options.warn
      assembler.findTop = { try source.findTop() }
      try source.read(into: assembler)
    }
  }

  /// Calls `body` with a path that can be opened; an object's is that of a pipe.
  private func withLocalPath<R>(_ body: ([UInt8]) throws -> R) throws -> R {
    try ObjectPipe.withPath(of: path, body)
  }

  private func reopening<R>(_ body: () throws -> R) rethrows -> R {
    try pipe?.reopening(body) ?? body()
  }

  /// Keeps owners and modes.
  package static var unchanged: TreeAssembler.Options {
    var options = TreeAssembler.Options()
    options.ownership.owner = .keep
    options.ownership.keepsSetID = true
    options.xattrs = .all
    return options
  }
}

import ArgumentParser
import FileTrees
import Glibc
import Posix
import SquashFS
import TreeModel

/// The making of one image.
struct PackJob {
  let source: [UInt8]
  /// The image's path.
  let output: [UInt8]
  private let isDirectory: Bool
  private let command: Pack
  private let messages: Messages
  private let start = Process.now

  init(source: [UInt8], command: Pack) {
    self.source = source
    self.command = command
    messages = Messages(
      isQuiet: command.messages.quiet, isVerbose: command.messages.verbose)
    var status = stat()
    isDirectory =
      source.withCPath { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    output =
      command.output?.bytes ?? ImageName.of(source: source, isDirectory: isDirectory)
      ?? Array("-".utf8)
  }

  /// - Returns: whether all of the source went in; not with `--ignore-unreadable` where
  ///   something could not be read, or with `--allow-truncated` where the archive is cut.
  func run() throws -> Bool {
    if output == Array("-".utf8) && !command.dryRun {
      throw SourceError(.refused, path: source, "the image needs a name: give it with -o")
    }
    var options = TreeAssembler.Options()
    options.ownership = try command.ownership.policy()
    options.selection = try command.selection.selection(readsFiles: true)
    options.isStrict = command.reading.strict
    if let order = command.image.order {
      options.order = AccessOrder(parsing: try ListFile.read(order.bytes))
    }
    options.stripsSingleTop = !isDirectory
    return command.dryRun ? try list(options) : try pack(options)
  }

  private func pack(_ options: TreeAssembler.Options) throws -> Bool {
    let manifestPath = command.manifest ? ImageName.manifest(of: output) : nil
    try ResultFile.refuse(output, inPlaceOf: source)
    if let manifestPath {
      try ResultFile.refuse(manifestPath, inPlaceOf: source)
      try refuseExisting(manifestPath)
    }
    let file = try AtomicFile(path: output, replacing: command.force)
    let reader = try openSource(leavingOut: file)
    let writer = try ImageWriter(file, options: try command.image.writerOptions())
    let digests = command.manifest ? DigestSink(writer.content) : nil
    let assembler = TreeAssembler(
      options, content: showingProgress(digests ?? writer.content, of: reader))
    assembler.reportExclusion = { path, reason in
      messages.detail("\(path.escapedName): left out (\(reason))")
    }
    let unreadable = try reader.read(into: assembler)
    let tree = try assembler.finish()
    try refuseNothing(assembler.notes)
    let summary = try writer.finish(tree, modified: try imageTime(assembler))
    // Both are on disk before either has its name, so that a full disk changes none.
    try file.sync()
    let manifest = try digests.map {
      try writeManifest(DigestedTree(tree, $0), of: file, at: manifestPath!)
    }
    try file.publish()
    try manifest?.publish()
    ProgressBar.clearLine()
    try report(summary, assembler.notes, unreadable: unreadable)
    return unreadable == 0 && !reader.wasCut
  }

  /// Where options leave out everything, one of them is mistaken.
  private func refuseNothing(_ notes: AssemblyNotes) throws {
    guard notes.leftOut > 0, notes.tookNothing else { return }
    throw SourceError(
      .refused, path: source, "the options given leave nothing of it",
      hint: "--dry-run lists what is left out and why")
  }

  private func refuseExisting(_ path: [UInt8]) throws {
    var status = stat()
    guard path.withCPath({ lstat($0, &status) }) == 0 else { return }
    if !command.force { throw SystemError("create", path: path, code: EEXIST) }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw SystemError("replace", path: path, code: EISDIR)
    }
  }

  /// A manifest that is on disk, but has no name yet.
  private func writeManifest(
    _ tree: DigestedTree, of image: AtomicFile, at path: [UInt8]
  ) throws -> AtomicFile {
    let (digest, size) = try SHA256.of(descriptor: image.descriptor, path: output)
    let facts = ManifestWriter.ImageFacts(
      name: ManifestWriter.baseName(output), size: size, digest: digest)
    let file = try AtomicFile(path: path, replacing: command.force)
    var manifest = ResultFile(file)
    try ManifestWriter(tree).write(image: facts) { try manifest.write($0) }
    try manifest.sync()
    return file
  }

  /// Lists what would go in, one path a line.
  private func list(_ options: TreeAssembler.Options) throws -> Bool {
    let reader = try openSource()
    let assembler = TreeAssembler(options, content: nil)
    var output = StandardOutput()
    var failure: SystemError?
    if command.sources.count > 1 { try output.write("\(source.escapedName):\n") }
    assembler.reportExclusion = { path, reason in
      do throws(SystemError) {
        try output.write("- \(path.escapedName)  (\(reason))\n")
      } catch {
        failure = error
      }
    }
    let unreadable = try reader.read(into: assembler)
    let tree = try assembler.finish()
    let listing = tree.listing()
    var stack = Array(listing.children(of: tree.root).reversed())
    while let node = stack.popLast() {
      let mark = tree.isDirectory(node) ? "/" : ""
      try output.write("+ \(tree.path(of: node).escapedName)\(mark)\n")
      if tree.isDirectory(node) { stack.append(contentsOf: listing.children(of: node).reversed()) }
    }
    try output.flush()
    if let failure { throw failure }
    for warning in assembler.notes.warnings { messages.warn(source, warning) }
    return unreadable == 0 && !reader.wasCut
  }

  // MARK: The source

  private func openSource(leavingOut file: AtomicFile? = nil) throws -> PackSource {
    if isDirectory {
      var options = DirectorySource.Options()
      options.oneFileSystem = command.reading.oneFileSystem
      options.ignoresUnreadable = command.reading.ignoreUnreadable
      let images = [
        DirectorySource.FileIdentity(of: output),
        file.flatMap { DirectorySource.FileIdentity(descriptor: $0.descriptor) },
      ]
      options.skipped = Set(images.compactMap { $0 })
      let reader = DirectorySource(path: Self.withoutTrailingSlashes(source), options: options)
      reader.reportUnreadable = { messages.warn($0.path, "\($0.cause); left out") }
      return .directory(reader)
    }
    if source != Array("-".utf8) && AnyTree.isImage(source) {
      throw SourceError(
        .refused, path: source,
        "this is an image already; autosquash extract IMAGE --to-tar - | autosquash pack - -o OTHER "
          + "packs its files anew")
    }
    var options = ArchiveSource.Options()
    options.allowsTruncated = command.reading.allowTruncated
    let reader = try ArchiveSource(path: source, options: options)
    reader.warn = { messages.warn(source, $0) }
    return .archive(reader)
  }

  private static func withoutTrailingSlashes(_ path: [UInt8]) -> [UInt8] {
    var path = path
    while path.count > 1 && path.last == UInt8(ascii: "/") { path.removeLast() }
    return path
  }

  private func showingProgress(
    _ content: any ContentSink, of reader: PackSource
  ) -> any ContentSink {
    guard command.messages.progress.isShown, !command.messages.quiet else { return content }
    let total = isDirectory ? SizeEstimate(of: source) : nil
    return ProgressSink(content, title: output.escapedName) { bytes in
      if case .archive(let archive) = reader {
        let fraction = archive.byteCount.map { Double(archive.bytesRead) / Double(max(1, $0)) }
        return .init(bytes: bytes, fraction: fraction)
      }
      return .init(bytes: bytes, fraction: total?.bytes.map { Double(bytes) / Double(max(1, $0)) })
    }
  }

  /// SOURCE_DATE_EPOCH, or the newest time in the image: never the present.
  private func imageTime(_ assembler: TreeAssembler) throws -> UInt32 {
    guard let text = getenv("SOURCE_DATE_EPOCH") else { return assembler.newestTime }
    guard let seconds = Int64(String(cString: text)) else {
      throw SourceError(
        .refused, path: output, "SOURCE_DATE_EPOCH is not a number of seconds; unset or mend it")
    }
    return UInt32(clamping: seconds)
  }

  // MARK: The result

  private func report(
    _ summary: ImageWriter.Summary, _ notes: AssemblyNotes, unreadable: Int
  ) throws {
    for warning in notes.warnings { messages.warn(output, warning) }
    if unreadable > 0 {
      Messages.write(
        output,
        unreadable == 1
          ? "1 file could not be read and is not in the image"
          : "\(unreadable.grouped) files could not be read and are not in the image")
    }
    if let top = notes.strippedTop {
      messages.detail("\(top.escapedName)/ became the root; --strip-components 0 keeps it")
    }
    let seconds = Process.now - start
    if command.messages.json {
      var output = StandardOutput()
      try output.write(json(summary, notes, unreadable, seconds).text + "\n")
      return try output.flush()
    }
    let data = summary.data
    var line = "\(summary.inodes.grouped) \(summary.inodes == 1 ? "inode" : "inodes"), "
    line += "\(data.bytes.asBytes) in \(summary.imageBytes.asBytes)"
    // Of a few bytes the image is mostly padding.
    if data.bytes > summary.imageBytes {
      let percent = Double(summary.imageBytes) / Double(data.bytes) * 100
      line += " (\(percent.rounded(toDigits: 1)) %)"
    }
    if data.duplicateBytes > 0 { line += ", \(data.duplicateBytes.asBytes) shared by duplicates" }
    if notes.leftOut > 0 { line += ", \(notes.leftOut.grouped) left out" }
    messages.note(output, "\(line), \(seconds.asDuration)")
  }

  private func json(
    _ summary: ImageWriter.Summary, _ notes: AssemblyNotes, _ unreadable: Int, _ seconds: Double
  ) -> JSON {
    .object([
      ("image", .name(output)),
      ("source", .name(source)),
      ("inodes", .integer(Int64(summary.inodes))),
      ("bytes", .integer(summary.data.bytes)),
      ("imageBytes", .integer(summary.imageBytes)),
      ("duplicateBytes", .integer(summary.data.duplicateBytes)),
      ("storedPlainBlocks", .integer(Int64(summary.data.storedPlainBlocks))),
      ("leftOut", .integer(Int64(notes.leftOut))),
      ("unreadable", .integer(Int64(unreadable))),
      ("warnings", .array(notes.warnings.map { .string($0) })),
      ("seconds", .number(seconds)),
    ])
  }
}

/// Where an image is made from.
private enum PackSource {
  case directory(DirectorySource)
  case archive(ArchiveSource)

  /// - Returns: the number of files that could not be read and were left out.
  func read(into sink: any EntrySink) throws -> Int {
    switch self {
    case .directory(let source):
      try source.read(into: sink)
      return source.unreadable
    case .archive(let source):
      try source.read(into: sink)
      return 0
    }
  }

  /// Whether an archive ended too early.
  var wasCut: Bool {
    switch self {
    case .directory: false
    case .archive(let source): source.wasCut
    }
  }
}

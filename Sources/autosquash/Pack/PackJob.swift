import ArgumentParser
import FileTrees
import Glibc
import Manifests
import Posix
import SquashFS
import Terminal
import TreeModel

/// The making of one image, of one source or of several.
struct PackJob {
  private let sources: [PackInput]
  /// The image's path.
  let output: [UInt8]
  private let command: Pack
  private let messages: Messages
  private let start = Process.now

  init(sources: [SourceArgument], command: Pack) {
    self.sources = sources.map { PackInput($0) }
    self.command = command
    messages = Messages(
      isQuiet: command.messages.quiet, isVerbose: command.verbose)
    let own = ImageName.of(source: sources[0].path, isDirectory: self.sources[0].isDirectory)
    if command.makesOneImage {
      output = command.output?.bytes ?? []
    } else if let own {
      output = Self.path(of: own, in: command.folder)
    } else {
      output = []
    }
  }

  private static func path(of name: [UInt8], in folder: [UInt8]?) -> [UInt8] {
    guard let folder else { return name }
    return folder + (folder.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]) + name
  }

  /// What keeps its sources from being read, as far as that can be seen without reading.
  var faults: [SourceError] { sources.compactMap { SourceCheck.fault(of: $0.path) } }

  /// What to call the job: its source, or the image where there are several.
  var name: [UInt8] { sources.count == 1 ? sources[0].path : output }

  /// - Returns: whether all of the sources went in; not with `--ignore-unreadable` where
  ///   something could not be read, or with `--allow-truncated` where the archive is cut.
  func run() throws -> Bool {
    if output.isEmpty && !command.dryRun {
      throw SourceError(.refused, path: name, "the image needs a name: give it with -o")
    }
    if command.directories.dereference && !sources.contains(where: \.isDirectory) {
      throw SourceError(
        .refused, path: name,
        "an archive has links, not what they lead to; --dereference is about "
          + "directories", hint: "make the archive with tar -h")
    }
    let options = try command.assemblyOptions(readsFiles: true)
    return command.dryRun ? try list(options) : try pack(options)
  }

  private func pack(_ options: TreeAssembler.Options) throws -> Bool {
    announce("interrupted; nothing was written")
    defer { Interruption.announce(nil) }
    for source in sources {
      if let folder = command.folder { try ResultFile.refuse(folder, inPlaceOf: source.path) }
    }
    let result = try PackResult(output, command)
    let manifest = command.manifest ? ImageManifest(of: output) : nil
    for source in sources {
      try ResultFile.refuse(output, inPlaceOf: source.path)
      if let manifest { try ResultFile.refuse(manifest.path, inPlaceOf: source.path) }
    }
    let replacesManifest = try manifest?.checkName(isForced: command.force) == true
    let file = result.file
    // All are opened before the first is read, so that a mistyped name costs no time.
    let readers = try sources.map { try $0.open(command, messages, besides: file) }
    let writer = try ImageWriter(file, options: try command.image.writerOptions())
    let digests = command.manifest ? DigestSink(writer.content) : nil
    let progress = PackProgress(
      sources, readers, title: output, dereferences: command.directories.dereference)
    let content =
      command.messages.showsProgress
      ? progress.sink(digests ?? writer.content) : digests ?? writer.content
    var layers = SourceLayers(options, whiteouts: command.selection.whiteouts)
    layers.reportReplacement = { messages.detail("\($0.escapedName): left out (\(replacement))") }
    var summary = SourceSummary()
    for (source, reader) in zip(sources, readers) {
      let assembler = TreeAssembler(
        source.options(options, whiteouts: command.selection.whiteouts), content: content)
      assembler.reportExclusion = { path, reason in
        messages.detail("\(path.escapedName): left out (\(reason))")
      }
      try summary.add(reader, assembler, to: &layers)
    }
    let (tree, newest) = layers.finish()
    try refuseNothing(layers.notes)
    let image = try writer.finish(tree, modified: try imageTime(newest))
    let written = try digests.flatMap {
      try manifest?.write(DigestedTree(tree, $0), of: file, replacing: replacesManifest)
    }
    announce(
      command.writesToStandardOutput ? "interrupted; a part of the image was written" : nil)
    try result.publish(with: written)
    ProgressBar.clearLine()
    try report(image, notes(of: layers, tree), summary)
    if !command.manifest && !command.writesToStandardOutput { try warnOfOldManifest() }
    return summary.isWhole
  }

  /// Has an interruption say how far this has come.
  private func announce(_ text: String?) {
    guard let text else { return Interruption.announce(nil) }
    let isLineShown = command.messages.showsProgress
    let image = command.writesToStandardOutput ? "" : "\(output.escapedName): "
    Interruption.announce("\(isLineShown ? "\r\u{1B}[K" : "")autosquash: \(image)\(text)\n")
  }

  /// A manifest that does not belong to the image beside it leads astray.
  private func warnOfOldManifest() throws {
    let manifest = ImageManifest(of: output)
    guard try manifest.isOfOtherImage() else { return }
    messages.warn(
      manifest.path,
      "this belongs to an earlier image; \"autosquash manifest \(output.shellWord) -o "
        + "\(manifest.path.shellWord) --force\" renews it")
  }

  /// Whether the image is there already.
  var isDone: Bool {
    var status = stat()
    return output.withCPath { lstat($0, &status) } == 0
  }

  /// Leaves an image that is there as it is, and sees to it that it has its manifest.
  func keep() throws {
    try ExistingImage.check(output)
    let threads = Process.threadCount(command.image.threads)
    let isCompleted = try command.manifest && ImageManifest(of: output).complete(threads: threads)
    let newer = sources.first { FileTime.isNewer($0.path, than: output) }
    messages.note(
      output,
      "is there already; left as it is"
        + (newer.map { ", though \($0.path.escapedName) is newer; --force packs it anew" } ?? "")
        + (isCompleted ? ", but its manifest was missing or another's, and is written anew" : ""))
  }

  /// Where options leave out everything, one of them is mistaken.
  private func refuseNothing(_ notes: AssemblyNotes) throws {
    guard notes.leftOut > 0, notes.tookNothing else { return }
    for mistake in notes.mistakes { messages.warn(output, mistake) }
    throw SourceError(
      .refused, path: name, "the options given leave nothing of it",
      hint: "--dry-run lists what is left out and why")
  }

  /// Why an entry of an earlier source does not go in.
  private var replacement: String {
    command.selection.whiteouts == nil
      ? "replaced by a later source" : "replaced or taken out by a later source"
  }

  /// Lists what would go in, one path a line.
  private func list(_ options: TreeAssembler.Options) throws -> Bool {
    var output = StandardOutput()
    var failure: SystemError?
    if !command.makesOneImage && command.arguments.count > 1 {
      try output.write("\(name.escapedName):\n")
    }
    var layers = SourceLayers(options, whiteouts: command.selection.whiteouts)
    var summary = SourceSummary()
    func leaveOut(_ path: ArraySlice<UInt8>, _ reason: String) {
      do throws(SystemError) {
        try output.write("- \(path.escapedName)  (\(reason))\n")
      } catch {
        failure = error
      }
    }
    layers.reportReplacement = { leaveOut($0[...], replacement) }
    for source in sources {
      let assembler = TreeAssembler(
        source.options(options, whiteouts: command.selection.whiteouts), content: nil)
      assembler.reportExclusion = leaveOut
      try summary.add(source.open(command, messages), assembler, to: &layers)
    }
    let tree = layers.finish().tree
    let listing = tree.listing()
    var stack = Array(listing.children(of: tree.root).reversed())
    var (files, directories) = (0, 0)
    while let node = stack.popLast() {
      let isDirectory = tree.isDirectory(node)
      try output.write("+ \(tree.path(of: node).escapedName)\(isDirectory ? "/" : "")\n")
      if isDirectory { directories += 1 } else { files += 1 }
      if isDirectory { stack.append(contentsOf: listing.children(of: node).reversed()) }
    }
    let replaced = layers.notes.replaced.count + layers.notes.replacedSources.count
    let others = [(layers.notes.leftOut, "left out"), (replaced, "replaced")]
      .filter { $0.0 > 0 }.map { "\($0.0.grouped) \($0.1)" }
    let leftOut = others.isEmpty ? "" : "; " + others.joined(separator: ", ")
    try output.write(
      "\(files.counted("file")), "
        + (directories == 1 ? "1 directory" : "\(directories.grouped) directories") + leftOut + "\n"
    )
    try output.flush()
    if let failure { throw failure }
    tell(notes(of: layers, tree), summary, of: name)
    return summary.isWhole
  }

  /// What is to be said of the tree that all sources make.
  private func notes(of layers: SourceLayers, _ tree: Tree) -> AssemblyNotes {
    var notes = layers.notes
    var advice = LinkAdvice(sources, command)
    notes.danglingLinks = DanglingLinks(of: tree) { path, target, leadsOut in
      let place = leadsOut ? "out of the image" : "to nothing in the image"
      messages.detail("\(path.escapedName) -> \(target.escapedName): leads \(place)")
      advice.note(path)
    }
    notes.danglingLinks.advice = advice.text(links: notes.danglingLinks.count)
    return notes
  }

  /// SOURCE_DATE_EPOCH, or the newest time in the image: never the present.
  private func imageTime(_ newest: UInt32) throws -> UInt32 {
    guard let text = getenv("SOURCE_DATE_EPOCH") else { return newest }
    guard let seconds = Int64(String(cString: text)) else {
      throw SourceError(
        .refused, path: output, "SOURCE_DATE_EPOCH is not a number of seconds; unset or mend it")
    }
    return UInt32(clamping: seconds)
  }

  // MARK: The result

  /// What the user should know besides the result.
  private func tell(_ notes: AssemblyNotes, _ sources: SourceSummary, of path: [UInt8]) {
    for warning in notes.warnings { messages.warn(path, warning) }
    if sources.unreadable > 0 {
      Messages.write(
        output,
        sources.unreadable == 1
          ? "1 file could not be read and is not in the image"
          : "\(sources.unreadable.grouped) files could not be read and are not in the image")
    }
    if sources.changedDirectories > 0 {
      Messages.write(
        output,
        sources.changedDirectories == 1
          ? "1 directory changed while it was read: the image may lack some of its files"
          : "\(sources.changedDirectories.grouped) directories changed while they were read: the"
            + " image may lack some of their files")
    }
  }

  private func report(
    _ summary: ImageWriter.Summary, _ notes: AssemblyNotes, _ sources: SourceSummary
  ) throws {
    tell(notes, sources, of: output)
    let seconds = Process.now - start
    if command.messages.json {
      var output = StandardOutput()
      try output.write(json(summary, notes, sources, seconds).text + "\n")
      return try output.flush()
    }
    let data = summary.data
    var line = "\(summary.inodes.asFilesAndDirectories), "
    line += "\(data.bytes.asBytes) in \(summary.imageBytes.asBytes)"
    // Of a few bytes the image is mostly padding.
    if data.bytes > summary.imageBytes {
      let percent = Double(summary.imageBytes) / Double(data.bytes) * 100
      line += " (\(percent.rounded(toDigits: 1)) %)"
    }
    if data.duplicateBytes > 0 { line += ", \(data.duplicateBytes.asBytes) shared by duplicates" }
    if notes.leftOut > 0 { line += ", \(notes.leftOut.grouped) left out" }
    for top in Set(sources.strippedTops).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      line += ", \(top.escapedName)/ became the root"
    }
    messages.note(output, "\(line), \(seconds.asDuration)")
  }

  private func json(
    _ summary: ImageWriter.Summary, _ notes: AssemblyNotes, _ sources: SourceSummary,
    _ seconds: Double
  ) -> JSON {
    [
      "image": .name(output),
      "source": .name(self.sources[0].path),
      "sources": .array(self.sources.map { .name($0.path) }),
      "inodes": JSON(summary.inodes),
      "bytes": JSON(summary.data.bytes),
      "imageBytes": JSON(summary.imageBytes),
      "duplicateBytes": JSON(summary.data.duplicateBytes),
      "storedPlainBlocks": JSON(summary.data.storedPlainBlocks),
      "leftOut": JSON(notes.leftOut),
      "replaced": JSON(notes.replaced.count + notes.replacedSources.count),
      "danglingLinks": JSON(notes.danglingLinks.count),
      "unreadable": JSON(sources.unreadable),
      "changedDirectories": JSON(sources.changedDirectories),
      "becameRoot": .array(sources.strippedTops.map { .name($0) }),
      "warnings": .array(notes.warnings.map { .string($0) }),
      "seconds": .number(seconds),
    ]
  }
}

import FileTrees
import ObjectStore
import Packing
import Posix
import SquashFS
import Synchronization
import Terminal

/// Prints what pack does with images.
struct PackReport {
  let messages: Messages
  let printsJSON: Bool
  let showsProgress: Bool

  /// Makes an image and reports the result.
  ///
  /// - Returns: whether all of the sources were packed.
  func pack(_ packer: Packer) throws -> Bool {
    let start = Process.now
    var packer = packer
    let isPiped = packer.options.writesToStandardOutput
    // Of an upload, a signal must leave nothing in the bucket; the packer sees to it.
    if !packer.isRemote { announce("interrupted; nothing was written", packer) }
    defer { if !packer.isRemote { Interruption.announce(nil) } }
    packer.options.tellLeftover = { Messages.write($0, $1) }
    packer.options.wasInterrupted = { [output = packer.output] isUndone in
      Messages.write(output, isUndone ? "interrupted; the upload was undone" : "interrupted")
      Interruption.endIfRequested()
    }
    if showsProgress {
      let sent = Atomic(0)
      let isRemote = packer.isRemote
      packer.options.object.progress = { sent.add($0, ordering: .relaxed) }
      packer.options.progress = ProgressBar.reporter(title: packer.output.escapedName) {
        isRemote ? "\(UInt64(clamping: sent.load(ordering: .relaxed)).asBytes) sent" : nil
      }
    }
    packer.options.willPublish = { [packer] in
      if packer.isRemote { return }
      announce(isPiped ? "interrupted; a part of the image was written" : nil, packer)
    }
    let result = try packer.pack()
    ProgressBar.clearLine()
    tell(result.notes, result.sources, of: packer.output, packer)
    let seconds = Process.now - start
    if printsJSON {
      var output = StandardOutput()
      try output.write(line: json(packer, result, seconds))
      try output.flush()
    } else {
      messages.note(packer.output, "\(line(result, packer)), \(seconds.asDuration)")
    }
    if let manifest = try packer.foreignManifest() {
      messages.warn(
        manifest,
        "this belongs to an earlier image; \"autosquash manifest \(packer.output.shellWord) -o "
          + "\(manifest.shellWord) --force\" renews it")
    }
    return result.sources.isWhole
  }

  /// Makes an interruption print the progress.
  private func announce(_ text: String?, _ packer: Packer) {
    guard let text else { return Interruption.announce(nil) }
    let image = packer.options.writesToStandardOutput ? "" : "\(packer.output.escapedName): "
    Interruption.announce("\(showsProgress ? "\r\u{1B}[K" : "")autosquash: \(image)\(text)\n")
  }

  /// Reports that an existing image was left unchanged.
  func kept(_ image: [UInt8], _ kept: Packer.Kept) {
    messages.note(
      image,
      "exists already; skipped"
        + (kept.newerSource.map { ", though \($0.escapedName) is newer; --force packs it again" }
          ?? "")
        + (kept.isManifestNew
          ? ", but its manifest was missing or of another image, and was rewritten" : ""))
  }

  /// Lists what would be packed, one path per line.
  ///
  /// - Returns: whether all of the sources would.
  func list(_ packer: Packer, hasTitle: Bool) throws -> Bool {
    var output = StandardOutput()
    var failure: SystemError?
    if hasTitle { try output.write("\(packer.name.escapedName):\n") }
    let result = try packer.list { candidate in
      let line =
        switch candidate {
        case .leftOut(let path, let reason): "- \(path.escapedName)  (\(reason))\n"
        case .taken(let path, let isDirectory):
          "+ \(path.escapedName)\(isDirectory ? "/" : "")\n"
        }
      do throws(SystemError) { try output.write(line) } catch { failure = error }
    }
    let notes = result.notes
    let replaced = notes.replaced.count + notes.replacedSources.count
    let others = [(notes.leftOut, "left out"), (replaced, "replaced")]
      .filter { $0.0 > 0 }.map { "\($0.0.grouped) \($0.1)" }
    let leftOut = others.isEmpty ? "" : "; " + others.joined(separator: ", ")
    let directories =
      result.directories == 1 ? "1 directory" : "\(result.directories.grouped) directories"
    try output.write("\(result.files.counted("file")), \(directories)\(leftOut)\n")
    try output.flush()
    if let failure { throw failure }
    tell(notes, result.sources, of: packer.name, packer)
    return result.sources.isWhole
  }

  /// Prints what else the user should know.
  private func tell(
    _ notes: AssemblyNotes, _ sources: SourceSummary, of path: [UInt8], _ packer: Packer
  ) {
    for warning in notes.warnings { messages.warn(path, warning) }
    if sources.unreadable > 0 {
      Messages.write(
        packer.output,
        sources.unreadable == 1
          ? "1 file could not be read and is not in the image"
          : "\(sources.unreadable.grouped) files could not be read and are not in the image")
    }
    if sources.changedDirectories > 0 {
      Messages.write(
        packer.output,
        sources.changedDirectories == 1
          ? "1 directory changed while it was read: the image may lack some of its files"
          : "\(sources.changedDirectories.grouped) directories changed while they were read: the"
            + " image may lack some of their files")
    }
  }

  private func line(_ result: Packer.Result, _ packer: Packer) -> String {
    let data = result.image.data
    var line = "\(result.image.inodes.asFilesAndDirectories), "
    line += "\(data.bytes.asBytes) in \(result.image.imageBytes.asBytes)"
    // With a few bytes of data, the image is mostly padding.
    if data.bytes > result.image.imageBytes {
      let percent = Double(result.image.imageBytes) / Double(data.bytes) * 100
      line += " (\(percent.rounded(toDigits: 1)) %)"
    }
    if data.duplicateBytes > 0 { line += ", \(data.duplicateBytes.asBytes) shared by duplicates" }
    if result.comparesOld, let old = packer.options.reused {
      let bytes = data.reused.bytes
      line += ", \(bytes == 0 ? "nothing" : bytes.asBytes) reused from \(old.escapedName)"
    }
    if result.notes.leftOut > 0 { line += ", \(result.notes.leftOut.grouped) left out" }
    let tops = Set(result.sources.strippedTops)
    for top in tops.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      line += ", \(top.escapedName)/ became the root"
    }
    return line
  }

  private func json(_ packer: Packer, _ result: Packer.Result, _ seconds: Double) -> JSON {
    let (image, notes, sources) = (result.image, result.notes, result.sources)
    return [
      "image": .name(packer.output),
      "source": .name(packer.sources[0]),
      "sources": .array(packer.sources.map { .name($0) }),
      "inodes": JSON(image.inodes),
      "bytes": JSON(image.data.bytes),
      "imageBytes": JSON(image.imageBytes),
      "duplicateBytes": JSON(image.data.duplicateBytes),
      "reusedBytes": JSON(image.data.reused.bytes),
      "reusedBlocks": JSON(image.data.reused.blocks),
      "storedPlainBlocks": JSON(image.data.storedPlainBlocks),
      "leftOut": JSON(notes.leftOut),
      "replaced": JSON(notes.replaced.count + notes.replacedSources.count),
      "danglingLinks": JSON(notes.danglingLinks.count),
      "unreadable": JSON(sources.unreadable),
      "changedDirectories": JSON(sources.changedDirectories),
      "becameRoot": .array(sources.strippedTops.map { .name($0) }),
      "warnings": JSON(notes.warnings),
      "seconds": .number(seconds),
    ]
  }
}

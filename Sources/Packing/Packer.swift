package import FileTrees
import Glibc
package import Inputs
package import Manifests
package import ObjectStore
import Posix
package import SquashFS
package import TreeModel

/// Makes one image from one or several sources.
package struct Packer {
  /// How to make it.
  package struct Options {
    /// How to combine the sources' trees, except for the place of each.
    package var assembly = TreeAssembler.Options()
    package var archives = ArchiveSource.Options()
    package var directories = DirectorySource.Options()
    package var writer = ImageWriter.Options()
    package var whiteouts: Whiteouts?
    /// The path of an image from which to take blocks over.
    package var reused: [UInt8]?
    /// Whether to replace an existing image.
    package var replaces = false
    /// What to put beside the image.
    package var manifests: [ManifestKind] = []
    /// What a bucket is told of the objects.
    package var object = UploadOptions()
    /// The size of the parts in which an image goes into a bucket; `nil` for one that suits it.
    package var partSize: Int?
    /// Called about what could not be removed from a bucket, on any thread.
    package var tellLeftover: @Sendable (_ subject: [UInt8], _ text: String) -> Void = { _, _ in }
    /// Called after a signal that has ended an upload; it ends the program.
    package var wasInterrupted: @Sendable (_ isUndone: Bool) -> Void = { _ in }
    /// Whether to write the image to standard output.
    package var writesToStandardOutput = false
    /// Called about each oddity of a file.
    package var warn: (_ path: [UInt8], _ text: String) -> Void = { _, _ in }
    /// Called about each file left out and each link that leads nowhere.
    package var detail: (String) -> Void = { _ in }
    /// Receives the progress in reading, if anybody wants it.
    package var progress: ProgressReport?
    /// Called before the image gets its name or goes to standard output.
    package var willPublish: () -> Void = {}

    package init() {}
  }

  /// The result.
  package struct Result {
    package let image: ImageWriter.Summary
    package let notes: AssemblyNotes
    package let sources: SourceSummary
    /// Whether blocks of the image to reuse were compared.
    package let comparesOld: Bool
  }

  let inputs: [PackInput]
  /// The image's path; empty if the source has no name to derive it from.
  package let output: [UInt8]
  /// The directory for the image, if one is given.
  private let folder: [UInt8]?
  package var options: Options

  /// An image with a given name.
  package init(_ sources: [PlacedSource], output: [UInt8], _ options: Options) {
    inputs = sources.map { PackInput($0) }
    self.output = output
    folder = nil
    self.options = options
  }

  /// An image named after its source.
  ///
  /// - Parameter folder: where to put it, if not in the current directory.
  package init(_ source: PlacedSource, folder: [UInt8]?, _ options: Options) {
    let input = PackInput(source)
    inputs = [input]
    self.folder = folder
    self.options = options
    guard let name = ImageName.of(source: source.path, isDirectory: input.isDirectory) else {
      output = []
      return
    }
    output =
      folder.map { $0.joined(to: name) }
      ?? name
  }

  /// The paths of the sources.
  package var sources: [[UInt8]] { inputs.map(\.path) }

  /// Reasons why sources cannot be read that are visible without reading them.
  package var faults: [SourceError] { inputs.compactMap { SourceCheck.fault(of: $0.path) } }

  /// Its name in messages: its source, or the image if there are several.
  package var name: [UInt8] { inputs.count == 1 ? inputs[0].path : output }

  /// Makes the image.
  ///
  /// - Returns: what was packed; incomplete if `ignoresUnreadable` skipped something unreadable or
  ///   `allowsTruncated` accepted a truncated archive.
  package func pack() throws -> Result {
    if output.isEmpty && !options.writesToStandardOutput {
      throw SourceError(.refused, path: name, "the image needs a name: give it with -o")
    }
    try refuseDereferencing()
    for input in inputs {
      if let folder { try ResultFile.refuse(folder, inPlaceOf: input.path) }
    }
    for input in inputs { try ResultFile.refuse(output, inPlaceOf: input.path) }
    let destination: any ImageDestination =
      isRemote
      ? try BucketDestination(output, partSize: partSize(), options)
      : try LocalDestination(output, inputs, options)
    do { return try pack(to: destination) } catch {
      destination.giveUp()
      throw error
    }
  }

  private func pack(to destination: any ImageDestination) throws -> Result {
    // Open all before reading the first, so that a mistyped name costs no time.
    let readers = try inputs.map { try $0.open(options, excluding: destination.file) }
    let old = openOld()
    let writer = try ImageWriter(destination.output, options: options.writer, old: old)
    let digests = options.manifests.isEmpty ? nil : DigestSink(writer.content)
    var content: any ContentSink = digests ?? writer.content
    if let report = options.progress {
      content =
        PackProgress(
          inputs, readers, dereferences: options.directories.dereferences, report: report
        ).sink(content)
    }
    var layers = SourceLayers(options.assembly, whiteouts: options.whiteouts)
    layers.reportReplacement = {
      options.detail("\($0.escapedName): left out (\(replacement))")
    }
    var summary = SourceSummary()
    for (input, reader) in zip(inputs, readers) {
      let assembler = TreeAssembler(
        input.options(options.assembly, whiteouts: options.whiteouts), content: content)
      assembler.reportExclusion = { path, reason in
        options.detail("\(path.escapedName): left out (\(reason))")
      }
      assembler.findOld = old.map { old in { old.find($0) } }
      try summary.add(reader, assembler, to: &layers)
    }
    let (tree, newest) = layers.finish()
    try refuseNothing(layers.notes)
    let image = try writer.finish(tree, modified: try imageTime(newest))
    if let old { warn(of: old, image.data) }
    try destination.publish(
      digests.map { DigestedTree(tree, $0) }, willPublish: options.willPublish)
    return Result(
      image: image, notes: notes(of: layers, tree), sources: summary, comparesOld: old != nil)
  }

  /// Whether the image goes into a bucket.
  package var isRemote: Bool { RemoteObjects.isRemote(output) }

  /// The manifest next to the image if it belongs to another one, which would mislead.
  package func foreignManifest() throws -> [UInt8]? {
    if options.manifests.contains(.specification) || options.writesToStandardOutput || isRemote {
      return nil
    }
    let manifest = ImageManifest(.specification, of: output)
    return try manifest.isOfOtherImage() ? manifest.path : nil
  }

  /// Archives have links, but not what they lead to.
  func refuseDereferencing() throws(SourceError) {
    if options.directories.dereferences && !inputs.contains(where: \.isDirectory) {
      throw SourceError(
        .refused, path: name,
        "an archive has links, not their targets; --dereference is for "
          + "directories", hint: "make the archive with tar -h")
    }
  }

  /// If the options exclude everything, one of them is a mistake.
  private func refuseNothing(_ notes: AssemblyNotes) throws(SourceError) {
    guard notes.leftOut > 0, notes.tookNothing else { return }
    for mistake in notes.mistakes { options.warn(output, mistake) }
    throw SourceError(
      .refused, path: name, "these options exclude everything",
      hint: "--dry-run lists what is left out and why")
  }

  /// Why an entry of an earlier source is left out.
  var replacement: String {
    options.whiteouts == nil
      ? "replaced by a later source" : "replaced or removed by a later source"
  }

  /// The notes on the combined tree of all sources.
  func notes(of layers: SourceLayers, _ tree: Tree) -> AssemblyNotes {
    var notes = layers.notes
    var advice = LinkAdvice(inputs, options)
    notes.danglingLinks = DanglingLinks(of: tree) { path, target, leadsOut in
      let place = leadsOut ? "out of the image" : "to nothing in the image"
      options.detail("\(path.escapedName) -> \(target.escapedName): leads \(place)")
      advice.note(path)
    }
    notes.danglingLinks.advice = advice.text(links: notes.danglingLinks.count)
    return notes
  }

  /// SOURCE_DATE_EPOCH, or the newest time in the image: never the current time.
  private func imageTime(_ newest: UInt32) throws -> UInt32 {
    guard let text = getenv("SOURCE_DATE_EPOCH") else { return newest }
    guard let seconds = Int64(String(cString: text)) else {
      throw SourceError(
        .refused, path: output,
        "SOURCE_DATE_EPOCH is not a number of seconds; unset it or set a number")
    }
    return UInt32(clamping: seconds)
  }
}

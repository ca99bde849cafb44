import ArgumentParser
import FileTrees
import Glibc
import Inputs
import Manifests
import ObjectStore
import Packing
import Posix
import SquashFS
import Terminal
import Uploading

/// `autosquash pack`: from a tarball or a directory to an image.
struct Pack: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Make an image from an archive or a directory.",
    discussion: """
      Each SOURCE becomes an image in the current directory: my-tarball.tar.gz becomes \
      my-tarball.squash. With --output all sources become one image, later ones on top of \
      earlier ones; if it names a directory, an image of each goes there. Both may be in a bucket: \
      s3://BUCKET/FOLDER/ or s3://BUCKET/KEY.squash. A source is a directory, an archive (tar, cpio, zip, 7z and others, compressed or \
      not), an mtree(5) specification (*.mtree), or - for an archive on standard input.

      Nothing is unpacked to disk and no root is needed: everything in the image belongs to \
      root, as if packed under fakeroot. An archive's single top directory becomes the root of \
      the image. The image appears under its name only when it is complete.
      """)

  @Argument(
    help: ArgumentHelp(
      "Archives, directories or mtree specifications; - is standard input.", valueName: "source"))
  var arguments: [MarkedArgument]

  @Option(
    name: [.short, .long],
    help:
      "The image to make from all sources, or the directory for an image of each, here or in a bucket; - is standard output."
  )
  var output: ByteArgument?

  @Flag(name: [.short, .long], help: "Replace an existing image.")
  var force = false

  @Option(
    help: ArgumentHelp(
      """
      Take unchanged blocks over from an older image instead of compressing them again; with \
      --force it may be the image to replace.
      """, valueName: "old"))
  var reuse: ByteArgument?

  @Flag(help: "Skip sources whose images exist already.")
  var skipExisting = false

  @Flag(
    name: .long,
    help:
      "List the files to pack and to leave out, with reasons; make nothing and read no contents."
  )
  var dryRun = false

  @Flag(
    help:
      "Write a manifest too: the files with their SHA-256, to put beside the image (NAME.mtree).")
  var manifest = false

  @Flag(help: "Write the same as a page for web browsers (NAME.html).")
  var html = false

  @Flag(name: [.short, .long], help: "Name each file that is left out.") var verbose = false

  @OptionGroup(title: "Image") var image: ImageOptions
  @OptionGroup(title: "Owners") var ownership: OwnershipOptions
  @OptionGroup(title: "Modes, times and attributes") var metadata: MetadataOptions
  @OptionGroup(title: "Selection") var selection: SelectionOptions
  @OptionGroup(title: "Reading archives") var archives: ArchiveOptions
  @OptionGroup(title: "Reading the source") var reading: ReadingOptions
  @OptionGroup(title: "Reading the source") var directories: DirectoryOptions
  @OptionGroup(title: "Objects in a bucket") var object: ObjectOptions
  @OptionGroup(title: "Buckets") var bucket: BucketOptions
  @OptionGroup(title: "Messages") var messages: MessageOptions

  func validate() throws {
    let sources = try SourceArgument.sources(arguments)
    guard !sources.isEmpty else { throw ValidationError("Name a SOURCE to pack.") }
    try validateOutput()
    if !isRemote, let option = object.firstGiven {
      throw ValidationError("\(option) is for an image in a bucket; name it with -o s3://….")
    }
    let streams = sources.count { $0.path == [UInt8(ascii: "-")] }
    if streams > 0 && !makesOneImage && !dryRun {
      throw ValidationError("An archive from standard input needs --output to name the image.")
    }
    if streams > 1 { throw ValidationError("Standard input can be one source only.") }
    if dryRun && messages.json {
      throw ValidationError("--dry-run lists paths; it has no JSON.")
    }
    if force && skipExisting {
      throw ValidationError("--force replaces images, --skip-existing keeps them; give one.")
    }
    if let reuse {
      try reuse.refuseEmpty("An image to reuse")
      if image.compression == .none {
        throw ValidationError("--reuse has no use with --compression none.")
      }
      if sources.count > 1 && !makesOneImage && !dryRun {
        throw ValidationError("--reuse is for one image; pack the sources one by one.")
      }
    }
    if selection.whiteouts != nil && !makesOneImage && !dryRun {
      throw ValidationError("--whiteouts needs several sources of one image; name it with -o.")
    }
    _ = try image.writerOptions()
    _ = try assemblyOptions()
  }

  private func validateOutput() throws {
    guard let output = output?.bytes else { return }
    if output.isEmpty {
      throw ValidationError("--output has no name; a variable in the command may be empty.")
    }
    if RemoteName.isRemote(output) { try validateRemote(output) }
    if folder == nil && ImageName.isOfArchive(output) {
      throw ValidationError(
        "'\(output.escapedName)' is not an image name; pack makes SquashFS images, so use "
          + "\(ImageName.instead(of: output).shellWord).")
    }
    guard writesToStandardOutput else { return }
    let others = [
      (manifest, "--manifest"), (html, "--html"), (messages.json, "--json"),
      (skipExisting, "--skip-existing"),
    ]
    if let other = others.first(where: \.0)?.1 {
      throw ValidationError(
        "\(other) needs an image with a name, and -o - writes it to standard output; give a name.")
    }
  }

  private func validateRemote(_ output: [UInt8]) throws {
    if !output.starts(with: "s3://".utf8) {
      throw ValidationError(
        "'\(output.escapedName)' cannot be written; images go into a bucket as s3://BUCKET/FOLDER/."
      )
    }
    do throws(StoreError) { _ = try UploadDestination(parsing: output) } catch {
      throw ValidationError("'\(output.escapedName)': \(error).")
    }
    if reuse != nil {
      throw ValidationError(
        "--reuse is for an image on this machine; pack to a file, and use autosquash upload.")
    }
  }

  /// Whether images go into a bucket.
  private var isRemote: Bool { output.map { RemoteName.isRemote($0.bytes) } == true }

  /// Whether to write the image to standard output.
  var writesToStandardOutput: Bool {
    ["-", "/dev/stdout"].contains { output?.bytes == Array($0.utf8) }
  }

  /// The directory for each source's image, if one is named.
  var folder: [UInt8]? {
    guard let output = output?.bytes, !writesToStandardOutput else { return nil }
    if isRemote {
      return (try? UploadDestination(parsing: output))?.isFolder == true ? output : nil
    }
    let isFolder = output.last == pathSeparator || stat(at: output)?.isDirectory == true
    return isFolder ? output : nil
  }

  /// Whether all sources become one image.
  var makesOneImage: Bool { output != nil && folder == nil }

  /// - Parameter readsFiles: whether to read files named by options; not while checking
  ///   arguments.
  func assemblyOptions(readsFiles: Bool = false) throws -> TreeAssembler.Options {
    var options = try TreeAssembler.Options(
      ownership, selection, metadata, readsFiles: readsFiles)
    options.isStrict = reading.strict
    if readsFiles, let order = image.order {
      options.order = AccessOrder(parsing: try ListFile.read(order.bytes))
    }
    return options
  }

  /// Messages for people.
  private var report: PackReport {
    PackReport(
      messages: Messages(isQuiet: messages.quiet, isVerbose: verbose), printsJSON: messages.json,
      showsProgress: messages.showsProgress)
  }

  private func packingOptions() throws -> Packer.Options {
    var options = Packer.Options()
    options.archives = archives.options()
    options.archives.allowsTruncated = reading.allowTruncated
    options.directories = directories.options()
    options.directories.oneFileSystem = reading.oneFileSystem
    options.directories.ignoresUnreadable = reading.ignoreUnreadable
    options.writer = try image.writerOptions()
    options.whiteouts = selection.whiteouts
    options.reused = reuse?.bytes
    options.replaces = force
    options.manifests = (manifest ? [.specification] : []) + (html ? [.page] : [])
    options.object = object.options
    options.partSize = object.partSize?.bytes
    options.writesToStandardOutput = writesToStandardOutput
    options.warn = report.messages.warn
    options.detail = report.messages.detail
    return options
  }

  func fail(_ error: any Error) -> Int32 { Messages.fail([], error) }

  func execute() throws -> Int32 {
    bucket.apply(isQuiet: messages.quiet)
    let sources = try SourceArgument.sources(arguments)
    try refuseManifestName()
    try SourceCheck.refuseImageName(sources, output: output?.bytes)
    let options = try packingOptions()
    // One image of all sources, or one of each.
    var packers =
      makesOneImage
      ? [Packer(sources, output: output?.bytes ?? [], options)]
      : sources.map { Packer($0, folder: folder, options) }
    if let complaint = sameName(packers) {
      Messages.write(complaint.path, complaint.text)
      return ExitStatus.failed
    }
    var status: Int32 = 0
    var done: [Packer] = []
    var failed: [[UInt8]] = []
    packers.removeAll { packer in
      guard skipExisting && !dryRun else { return false }
      do {
        guard try packer.isDone() else { return false }
        done.append(packer)
      } catch {
        status = max(status, Messages.fail(packer.output, error))
        failed.append(packer.name)
      }
      return true
    }
    for packer in done {
      do { report.kept(packer.output, try packer.keep()) } catch {
        status = max(status, Messages.fail(packer.output, error))
      }
    }
    let count = packers.count + failed.count
    // Check all before packing the first.
    packers.removeAll { packer in
      let faults = packer.faults
      for fault in faults {
        let own = Messages.fail(fault.path, fault)
        status = count > 1 ? ExitStatus.failed : own
      }
      if !faults.isEmpty { failed.append(packer.name) }
      return !faults.isEmpty
    }
    for var packer in packers {
      do {
        packer.options.assembly = try assemblyOptions(readsFiles: true)
        let isWhole =
          dryRun
          ? try report.list(packer, hasTitle: sources.count > 1 && !makesOneImage)
          : try report.pack(packer)
        if !isWhole { status = max(status, ExitStatus.failed) }
      } catch {
        let own = Messages.fail(packer.name, error)
        let isChanged = (error as? SourceError)?.code == .changed
        status = count > 1 || isChanged ? ExitStatus.failed : own
        failed.append(packer.name)
      }
      // One that came too late to keep an image out of a bucket.
      Interruption.endIfRequested()
    }
    if count > 1 && !dryRun && !messages.quiet {
      let made = "\(count - failed.count) of \(count) images made"
      let names = failed.map(\.escapedName).joined(separator: ", ")
      Messages.write(failed.isEmpty ? made : "\(made); not made: \(names)")
    }
    return status
  }

  /// Of two images with the same name, only the second would remain.
  private func sameName(_ packers: [Packer]) -> (path: [UInt8], text: String)? {
    var sources: [[UInt8]: [UInt8]] = [:]
    for packer in packers where !dryRun && !packer.output.isEmpty {
      if let first = sources.updateValue(packer.name, forKey: packer.output) {
        return (
          packer.output,
          "\(first.escapedName) and \(packer.name.escapedName) would both become this image; "
            + "pack one of them with -o"
        )
      }
    }
    return nil
  }

  /// Makes sure that no name follows `--manifest`, as it may in `verify`: it would be packed.
  ///
  /// - Throws: `SourceError`.
  private func refuseManifestName() throws {
    let words = ProcessArguments.all
    for (option, name) in zip(words, words.dropFirst())
    where option.elementsEqual("--manifest".utf8) && name.suffix(6).elementsEqual(".mtree".utf8) {
      throw SourceError(
        .unreadable, path: name,
        "--manifest takes no name here: it writes NAME.mtree beside the image NAME.squash",
        hint: "a specification to pack comes before the options")
    }
  }
}

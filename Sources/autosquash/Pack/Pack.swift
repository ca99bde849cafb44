import ArgumentParser
import FileTrees
import Glibc
import Posix
import Terminal

/// `autosquash pack`: from a tarball or a directory to an image.
struct Pack: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Make an image from an archive or a directory.",
    discussion: """
      Each SOURCE becomes an image in the current directory: my-tarball.tar.gz becomes \
      my-tarball.squash. With --output all sources become one image, later ones on top of those \
      before; if it names a directory, an image of each goes there. A source is a directory, an archive (tar, cpio, zip, 7z and others, compressed or \
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
      "The image to make, of all sources; or the directory to put an image of each into; - is standard output."
  )
  var output: ByteArgument?

  @Flag(name: [.short, .long], help: "Replace an image that is there.")
  var force = false

  @Flag(help: "Leave out sources whose images are there already.")
  var skipExisting = false

  @Flag(
    name: .long,
    help: "List what would go in, and what is left out and why; make nothing, and read no contents."
  )
  var dryRun = false

  @Flag(
    help:
      "Write a manifest too: the files with their SHA-256, to put beside the image (NAME.mtree).")
  var manifest = false

  @Flag(name: [.short, .long], help: "Name each file that is left out.") var verbose = false

  @OptionGroup(title: "Image") var image: ImageOptions
  @OptionGroup(title: "Owners") var ownership: OwnershipOptions
  @OptionGroup(title: "Modes, times and attributes") var metadata: MetadataOptions
  @OptionGroup(title: "Selection") var selection: SelectionOptions
  @OptionGroup(title: "Reading archives") var archives: ArchiveOptions
  @OptionGroup(title: "Reading the source") var reading: ReadingOptions
  @OptionGroup(title: "Reading the source") var directories: DirectoryOptions
  @OptionGroup(title: "Messages") var messages: MessageOptions

  func validate() throws {
    let sources = try SourceArgument.sources(arguments)
    guard !sources.isEmpty else { throw ValidationError("Name a SOURCE to pack.") }
    try validateOutput()
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
    if selection.whiteouts != nil && !makesOneImage && !dryRun {
      throw ValidationError("--whiteouts is about several sources of one image: name it with -o.")
    }
    _ = try image.writerOptions()
    _ = try assemblyOptions()
  }

  private func validateOutput() throws {
    guard let output = output?.bytes else { return }
    if output.isEmpty {
      throw ValidationError("--output has no name; a variable in the command may be empty.")
    }
    if let command = RemoteName.writing(output) {
      throw ValidationError("'\(output.escapedName)' is not on this machine; \(command)")
    }
    if folder == nil && ImageName.isOfArchive(output) {
      throw ValidationError(
        "'\(output.escapedName)' is no name of an image; pack makes SquashFS images, so give "
          + "\(ImageName.instead(of: output).shellWord).")
    }
    guard writesToStandardOutput else { return }
    let others = [
      (manifest, "--manifest"), (messages.json, "--json"), (skipExisting, "--skip-existing"),
    ]
    if let other = others.first(where: \.0)?.1 {
      throw ValidationError(
        "\(other) needs an image with a name, and -o - writes it to standard output; give a name.")
    }
  }

  /// Whether the image goes to standard output.
  var writesToStandardOutput: Bool {
    ["-", "/dev/stdout"].contains { output?.bytes == Array($0.utf8) }
  }

  /// The directory that an image of each source goes into, where one is named.
  var folder: [UInt8]? {
    guard let output = output?.bytes, !writesToStandardOutput else { return nil }
    var status = stat()
    let isFolder =
      output.last == UInt8(ascii: "/")
      || output.withCPath { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    return isFolder ? output : nil
  }

  /// Whether all sources become one image.
  var makesOneImage: Bool { output != nil && folder == nil }

  /// - Parameter readsFiles: whether files that options name are read; not while arguments are
  ///   checked.
  func assemblyOptions(readsFiles: Bool = false) throws -> TreeAssembler.Options {
    var options = try TreeAssembler.Options(
      ownership, selection, metadata, readsFiles: readsFiles)
    options.isStrict = reading.strict
    if readsFiles, let order = image.order {
      options.order = AccessOrder(parsing: try ListFile.read(order.bytes))
    }
    return options
  }

  func run() throws {
    var status: Int32 = 0
    let sources = try SourceArgument.sources(arguments)
    do {
      try SourceCheck.refuseManifestName()
      try SourceCheck.refuseImageName(sources, output: output?.bytes)
    } catch {
      throw ExitCode(Messages.fail([], error))
    }
    // One image of all, or one of each.
    var jobs = (makesOneImage ? [sources] : sources.map { [$0] }).map {
      PackJob(sources: $0, command: self)
    }
    try refuseSameNames(jobs)
    var done: [PackJob] = []
    jobs.removeAll { job in
      guard skipExisting && !dryRun && job.isDone else { return false }
      done.append(job)
      return true
    }
    for job in done {
      do { try job.keep() } catch { status = max(status, Messages.fail(job.output, error)) }
    }
    let count = jobs.count
    var failed: [[UInt8]] = []
    // All are looked at before the first is packed.
    jobs.removeAll { job in
      let faults = job.faults
      for fault in faults {
        let own = Messages.fail(fault.path, fault)
        status = count > 1 ? ExitStatus.failed : own
      }
      if !faults.isEmpty { failed.append(job.name) }
      return !faults.isEmpty
    }
    for job in jobs {
      do {
        let isWhole = try job.run()
        if !isWhole { status = max(status, ExitStatus.failed) }
      } catch let error as ExitCode {
        throw error
      } catch {
        let own = Messages.fail(job.name, error)
        let isChanged = (error as? SourceError)?.code == .changed
        status = count > 1 || isChanged ? ExitStatus.failed : own
        failed.append(job.name)
      }
    }
    if count > 1 && !dryRun && !messages.quiet {
      let made = "\(count - failed.count) of \(count) images made"
      let names = failed.map(\.escapedName).joined(separator: ", ")
      Messages.write(failed.isEmpty ? made : "\(made); not made: \(names)")
    }
    if status != 0 { throw ExitCode(status) }
  }

  /// Of two images of one name only the second would be left.
  private func refuseSameNames(_ jobs: [PackJob]) throws {
    var sources: [[UInt8]: [UInt8]] = [:]
    for job in jobs where !dryRun && !job.output.isEmpty {
      if let first = sources.updateValue(job.name, forKey: job.output) {
        Messages.write(
          job.output,
          "\(first.escapedName) and \(job.name.escapedName) would both become this image; "
            + "pack one of them with -o")
        throw ExitCode(ExitStatus.failed)
      }
    }
  }
}

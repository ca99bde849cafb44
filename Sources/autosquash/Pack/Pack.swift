import ArgumentParser
import FileTrees
import Glibc
import Posix

/// `autosquash pack`: from a tarball or a directory to an image.
struct Pack: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Make an image from an archive or a directory.",
    discussion: """
      Each SOURCE becomes an image in the current directory: my-tarball.tar.gz becomes \
      my-tarball.squash. A source is a directory, an archive (tar, cpio, zip, 7z and others, \
      compressed or not), an mtree(5) specification (*.mtree), or - for an archive on \
      standard input.

      Nothing is unpacked to disk and no root is needed: everything in the image belongs to \
      root, as if packed under fakeroot. An archive's single top directory becomes the root of \
      the image. The image appears under its name only when it is complete.
      """)

  @Argument(help: "Archives, directories or mtree specifications; - is standard input.")
  var sources: [ByteArgument]

  @Option(name: [.short, .long], help: "The image to make (with one source only).")
  var output: ByteArgument?

  @Flag(name: [.short, .long], help: "Replace an image that is there.")
  var force = false

  @Flag(help: "Leave out sources whose images are there already.")
  var skipExisting = false

  @Flag(name: .long, help: "List what would go in, and what is left out and why; make nothing.")
  var dryRun = false

  @Flag(
    help:
      "Write a manifest too: the files with their SHA-256, to put beside the image (NAME.mtree).")
  var manifest = false

  @OptionGroup(title: "Image") var image: ImageOptions
  @OptionGroup(title: "Owners and modes") var ownership: OwnershipOptions
  @OptionGroup(title: "Selection") var selection: SelectionOptions
  @OptionGroup(title: "Reading the source") var reading: ReadingOptions
  @OptionGroup(title: "Messages") var messages: MessageOptions

  func validate() throws {
    guard !sources.isEmpty else { throw ValidationError("Name a SOURCE to pack.") }
    if output != nil && sources.count > 1 {
      throw ValidationError("--output names one image, but there are \(sources.count) sources.")
    }
    if sources.contains(ByteArgument(bytes: [UInt8(ascii: "-")])) && output == nil && !dryRun {
      throw ValidationError("An archive from standard input needs --output to name the image.")
    }
    if dryRun && messages.json {
      throw ValidationError("--dry-run lists paths; it has no JSON.")
    }
    if force && skipExisting {
      throw ValidationError("--force replaces images, --skip-existing keeps them; give one.")
    }
    _ = try image.writerOptions()
    _ = try ownership.policy()
    _ = try selection.selection()
  }

  func run() throws {
    var status: Int32 = 0
    var jobs = sources.map { PackJob(source: $0.bytes, command: self) }
    try refuseSameNames(jobs)
    if skipExisting && !dryRun {
      jobs.removeAll { job in
        var status = stat()
        guard job.output.withCPath({ lstat($0, &status) }) == 0 else { return false }
        if !messages.quiet { Messages.write(job.output, "is there already; left as it is") }
        return true
      }
    }
    var failed: [[UInt8]] = []
    for job in jobs {
      do {
        let isWhole = try job.run()
        if !isWhole { status = max(status, ExitStatus.failed) }
      } catch let error as ExitCode {
        throw error
      } catch {
        let own = Messages.fail(job.source, error)
        status = sources.count > 1 ? ExitStatus.failed : own
        failed.append(job.source)
      }
    }
    if jobs.count > 1 && !dryRun && !messages.quiet {
      let made = "\(jobs.count - failed.count) of \(jobs.count) images made"
      let names = failed.map(\.escapedName).joined(separator: ", ")
      Messages.write(failed.isEmpty ? made : "\(made); not made: \(names)")
    }
    if status != 0 { throw ExitCode(status) }
  }

  /// Of two images of one name only the second would be left.
  private func refuseSameNames(_ jobs: [PackJob]) throws {
    var sources: [[UInt8]: [UInt8]] = [:]
    for job in jobs where !dryRun {
      if let first = sources.updateValue(job.source, forKey: job.output) {
        Messages.write(
          job.output,
          "\(first.escapedName) and \(job.source.escapedName) would both become this image; "
            + "pack one of them with -o")
        throw ExitCode(ExitStatus.failed)
      }
    }
  }
}

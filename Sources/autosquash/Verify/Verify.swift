import ArgumentParser
import CLinux
import FileTrees
import Glibc
import Inputs
import Posix
import SquashFS
import SquashFSFormat
import Terminal
import Verification

/// `autosquash verify`: is an image intact, and will it mount?
struct Verify: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove that images are whole and that Linux will mount them.",
    discussion: """
      Reads every table and unpacks every block. Prints a line for each finding, with its \
      place in the file and the affected file in the image, and a line with the result. \
      A whole image may still differ from its source where blocks have no \
      checksum of their own: --against and --manifest compare the contents too, and print the lines of \
      "diff IMAGE SOURCE": "-" is only in the image, "+" only in the source, "~" in both, \
      with image -> source. With --json: one object per line, one for each \
      image.

      Exit status: 0 whole; 1 damaged, different, or not an image; 2 could not be read.
      """)

  @Argument(help: "Images.") var images: [ByteArgument]

  @Option(
    help: ArgumentHelp(
      "Compare with the archive or directory that the image was made from, or several.",
      valueName: "source"))
  var against: [MarkedArgument] = []
  @Option(
    help: ArgumentHelp(
      """
      Compare with a manifest: SHA-256 of every file and of the image. Without a file: \
      NAME.mtree beside each image.
      """, valueName: "file"))
  var manifest: ManifestArgument?
  @Flag(help: "Check all tables but read no contents: seconds, even over a network.")
  var quick = false
  @Option(help: "Number of findings to print for an image; all are counted.")
  var maxFindings = 50
  @Option(
    help: ArgumentHelp(
      "Where images start in their files, in bytes; auto searches.", valueName: "n|auto"))
  var offset = ImageOffset.start
  @Option(help: "Number of threads, 1 to 1024. (default: one per processor)")
  var threads: ThreadCount?
  @Flag(
    name: [.short, .long],
    help: "Also print the number of blocks, and of those without a checksum, and what Linux needs.")
  var verbose = false
  @OptionGroup(title: "Messages") var messages: MessageOptions
  @OptionGroup(title: "Buckets") var bucket: BucketOptions
  @OptionGroup(title: "With --against: owners, as given to pack")
  var ownership: OwnershipOptions
  @OptionGroup(title: "With --against: modes, times and attributes, as given to pack")
  var metadata: MetadataOptions
  @OptionGroup(title: "With --against: selection, as given to pack")
  var selection: SelectionOptions
  @OptionGroup(title: "With --against: reading archives, as given to pack")
  var archives: ArchiveOptions
  @OptionGroup(title: "With --against: reading directories, as given to pack")
  var directories: DirectoryOptions

  func validate() throws {
    guard !images.isEmpty else { throw ValidationError("Name an IMAGE to verify.") }
    for image in images { try image.refuseEmpty("an image") }
    guard maxFindings > 0 else { throw ValidationError("--max-findings is at least 1.") }
    if images.count > 1 && !against.isEmpty {
      throw ValidationError("--against takes one image.")
    }
    if images.count > 1, case .file? = manifest {
      throw ValidationError(
        "A manifest belongs to one image; --manifest without a file takes each image's own (NAME.mtree)."
      )
    }
    if quick && (!against.isEmpty || manifest != nil) {
      throw ValidationError("--against and --manifest read all contents, --quick none.")
    }
    let sources = try SourceArgument.sources(against)
    for source in sources { try ByteArgument.refuseEmpty(source.path, "a source") }
    if case .file(let path)? = manifest { try ByteArgument.refuseEmpty(path, "a manifest") }
    if sources.isEmpty, let option = SourceOptions.firstGiven {
      throw ValidationError("\(option) needs --against.")
    }
    _ = try assemblyOptions()
  }

  /// How to combine the sources to compare with.
  ///
  /// - Parameter readsFiles: whether to read files named by options.
  func assemblyOptions(readsFiles: Bool = false) throws -> TreeAssembler.Options {
    try TreeAssembler.Options(ownership, selection, metadata, readsFiles: readsFiles)
  }

  func fail(_ error: any Error) -> Int32 { Messages.fail([], error) }

  func execute() throws -> Int32 {
    // 1 would be an answer: the image is bad.
    clinux_when_out_of_memory(ExitStatus.unreadableInput, nil, nil)
    bucket.apply(isQuiet: messages.quiet)
    return try images.reduce(0) { max($0, try verify($1.bytes)) }
  }

  /// - Returns: the exit status.
  private func verify(_ image: [UInt8]) throws -> Int32 {
    let start = Process.now
    do {
      let result = try ImageVerification(of: image, try options(for: image)).run()
      ProgressBar.clearLine()
      let report = VerifyReport(
        image: image, command: self, report: result.report, compared: result.comparisons)
      try report.print(seconds: Process.now - start)
      if result.report.errors > 0 { return ExitStatus.failed }
      return result.report.unreadable > 0 ? ExitStatus.unreadableInput : 0
    } catch let other as ImageVerification.UnreadableOther {
      _ = Messages.fail(other.path, explained(other.reason, other.path, image: image))
      printJSON([
        "image": .name(image), "whole": .boolean(other.isImageWhole), "result": "not compared",
        "source": .name(other.path),
        "message": .string("\(explained(other.reason, other.path, image: image))"),
      ])
      return ExitStatus.unreadableInput
    } catch {
      let status = max(ExitStatus.unreadableInput, Messages.fail(image, error))
      printJSON([
        "image": .name(image), "whole": false, "result": "not readable",
        "message": .string("\(error)"),
      ])
      return status
    }
  }

  private func options(for image: [UInt8]) throws -> ImageVerification.Options {
    var options = ImageVerification.Options()
    options.offset = offset
    options.verifier.isQuick = quick
    options.verifier.maxFindings = maxFindings
    options.verifier.threads = Process.threadCount(threads)
    options.sources = try SourceArgument.sources(against)
    options.assembly = { try assemblyOptions(readsFiles: true) }
    options.archives = archives.options()
    options.directories = directories.options()
    options.whiteouts = selection.whiteouts
    options.manifest = manifest?.path(of: image)
    options.findsDifferences = messages.json
    let reports = Messages(isQuiet: messages.quiet)
    options.warn = reports.warn
    options.advise = { reports.note(image, $0) }
    if messages.showsProgress {
      options.progress = { ProgressBar.reporter(title: $0.escapedName) }
    }
    return options
  }

  /// Explains how to make a default manifest that is missing.
  private func explained(_ error: any Error, _ path: [UInt8], image: [UInt8]) -> any Error {
    guard manifest == .own, path == manifest?.path(of: image),
      stat(at: path) == nil, errno == ENOENT
    else { return error }
    return SourceError(
      .unreadable, path: path, "there is no such manifest",
      hint: "\"autosquash manifest \(image.shellWord) -o \(path.shellWord)\" writes it")
  }

  private func printJSON(_ json: JSON) {
    if messages.json { print(json.text) }
  }
}

import ArgumentParser
import CLinux
import FileTrees
import Inputs
import Posix
import SquashFS
import SquashFSFormat
import Terminal

/// `autosquash verify`: is an image whole, and will it mount?
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove that images are whole and that Linux will mount them.",
    discussion: """
      Reads every table and unpacks every block. Prints a line for each finding, with its \
      place in the file and the file in the image that is affected, and a line with the result. \
      An image that is whole may still differ from what was packed, where blocks have no \
      checksum of their own: --against and --manifest compare the contents too, and print what \
      "diff IMAGE SOURCE" prints: "-" is only in the image, "+" only in the source, "~" in both, \
      with what it is in the image -> in the source. With --json: an object a line, one for each \
      image.

      Exit status: 0 whole; 1 damaged, different, or no image; 2 could not be read.
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
      Compare with a manifest: SHA-256 of every file and of the image. Without a file, each image's \
      own, which lies beside it: NAME.mtree.
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
  @Option(help: "Number of threads, 1 to 1024. (default: one a processor)")
  var threads: ThreadCount?
  @Flag(
    name: [.short, .long],
    help: "Also print the number of blocks, and of those without a checksum, and what Linux needs.")
  var verbose = false
  @OptionGroup(title: "Messages") var messages: MessageOptions
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
      throw ValidationError("--against is about one image.")
    }
    if images.count > 1, case .file? = manifest {
      throw ValidationError(
        "A manifest is of one image; --manifest without a file takes each image's own (NAME.mtree)."
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

  /// How the sources to compare with are put together.
  ///
  /// - Parameter readsFiles: whether files that options name are read.
  func assemblyOptions(readsFiles: Bool = false) throws -> TreeAssembler.Options {
    try TreeAssembler.Options(ownership, selection, metadata, readsFiles: readsFiles)
  }

  func run() throws {
    // 1 would be an answer.
    clinux_when_out_of_memory(ExitStatus.unreadableInput, nil, nil)
    var status: Int32 = 0
    for image in images {
      status = max(status, VerifyJob(image: image.bytes, command: self).run())
    }
    if status != 0 { throw ExitCode(status) }
  }
}

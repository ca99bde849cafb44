import ArgumentParser
import FileTrees
import Inputs
import Listings
import Manifests
import Posix
import SquashFS
import Terminal
import TreeModel

/// `autosquash manifest`: a list of an image's files to put next to it.
struct Manifest: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "manifest",
    abstract: "Write the list of an image's files, with their SHA-256.",
    discussion: """
      The list is an mtree(5) file, which bsdtar and others read. Beside the image in the \
      bucket, it shows the contents to anyone who browses there, and "verify --manifest" \
      uses it to prove that not a byte of the image has changed. --html writes a web page instead: a \
      searchable tree.

      SOURCE can also be a directory or an archive; the list is then that of the image that pack \
      would make with the same options.
      """)

  @Argument(help: "An image; or a directory or an archive.") var source: ByteArgument
  @Option(name: [.short, .long], help: "The file to write. (default: standard output)")
  var output: ByteArgument?
  @Flag(name: [.short, .long], help: "Replace an existing file.") var force = false
  @Flag(help: "Write a page for a web browser.") var html = false
  @Option(
    help: ArgumentHelp(
      "Where the image starts in the file, in bytes; auto searches.", valueName: "n|auto"))
  var offset = ImageOffset.start
  @Option(help: "Number of threads that unpack, 1 to 1024. (default: one per processor)")
  var threads: ThreadCount?
  @OptionGroup(title: "Owners of a source") var ownership: OwnershipOptions
  @OptionGroup(title: "Modes, times and attributes of a source") var metadata: MetadataOptions
  @OptionGroup(title: "Selection from a source") var selection: SelectionOptions
  @OptionGroup(title: "Buckets") var bucket: BucketOptions
  @OptionGroup(title: "Reading archives") var archives: ArchiveOptions
  @OptionGroup(title: "Reading directories") var directories: DirectoryOptions
  @Flag(name: [.short, .long], help: "Print errors only.") var quiet = false
  @Option(help: "auto (on a terminal), always or never.") var progress = ProgressMode.auto

  func validate() throws {
    try source.refuseEmpty("a source")
    try output?.refuseEmpty("a manifest")
    if offset != .start || TreeInput.isImage(source.bytes), let option = SourceOptions.firstGiven {
      throw ValidationError(
        "\(option) is for a directory or an archive, but '\(source.bytes.escapedName)' is an image."
      )
    }
    _ = try assemblyOptions()
  }

  private func assemblyOptions(readsFiles: Bool = false) throws -> TreeAssembler.Options {
    try TreeAssembler.Options(ownership, selection, metadata, readsFiles: readsFiles)
  }

  var subject: [UInt8] { source.bytes }

  func execute() throws -> Int32 {
    bucket.apply(isQuiet: quiet)
    let source = source.bytes
    var options = TreeInput.Options()
    options.assembly = try assemblyOptions(readsFiles: true)
    options.archives = archives.options()
    options.directories = directories.options()
    options.threads = Process.threadCount(threads)
    options.offset = offset
    options.warnsOfClosedPlaces = true
    let messages = Messages(isQuiet: quiet)
    options.warn = { messages.warn(source, $0) }
    options.embeddedImageHint = "--offset auto reads it"
    if progress.isShown && !quiet {
      options.progress = { ProgressBar.reporter(title: $0.escapedName) }
    }
    if let output { try ResultFile.refuse(output.bytes, inPlaceOf: source) }
    var file = try ResultFile(output?.bytes, replacing: force)
    let input = TreeInput(source, offset: offset, readsSpecifications: true)
    let tree = try input.read(options)
    ProgressBar.clearLine()
    let image =
      try input.kind == .image
      ? ObjectPipe.withPath(of: source) {
        try ManifestWriter.ImageFacts(ofImage: $0, name: source.lastPathComponent)
      } : nil
    if html {
      try HTMLPage(tree, title: Array(source.lastPathComponent), image: image)
        .write { try file.write($0) }
    } else {
      try ManifestWriter(tree).write(image: image) { try file.write($0) }
    }
    try file.finish()
    return 0
  }
}

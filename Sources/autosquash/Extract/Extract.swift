import ArgumentParser
import Extraction
import FileTrees
import Glibc
import Inputs
import Posix
import SquashFS
import SquashFSFormat
import Terminal

/// `autosquash extract`: from an image to files.
struct Extract: FileSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "extract",
    abstract: "Unpack an image, or a part of it.",
    discussion: """
      my-tarball.squash is unpacked into the directory my-tarball, or into that of -C. Each \
      PATH is a file or directory in the image, or a pattern (*, ?, [a-z], ** across \
      directories), which begins at the top; without one, everything is unpacked.

      Nothing is ever written outside that directory, whatever the image or the directory holds: \
      symbolic links are made, not followed. Existing files stay, unless --force is given, which also \
      writes into your own read-only directories; a directory that exists keeps \
      its mode. --skip-existing completes an earlier run: existing files \
      with the same size and time, and links with the same target, stay and are \
      counted; directories get mode and time from the image. Root gets the image's owners and devices; other \
      users own the files that they unpack, and devices are left out and counted. Where a hard link is impossible, as from one file system to \
      another, a copy is made.

      Exit status: 0 all done; 1 something could not be unpacked; 2 the file is not an image, or could not be read.
      """)

  @OptionGroup var image: ImageArguments
  @Argument(help: "Files or directories in the image.") var paths: [ByteArgument] = []

  @Option(
    name: [.customShort("C"), .customShort("d"), .customShort("o"), .long],
    help: "The directory to unpack into, created if missing.")
  var directory: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Write a tar archive instead, compressed as its name says (.tar.gz, .tar.xz, .tar.zst); - is standard output.",
      valueName: "file"))
  var toTar: ByteArgument?
  @Flag(name: [.short, .long], help: "Print the paths that would be unpacked; unpack nothing.")
  var list = false
  @Flag(name: [.short, .long], help: "Replace existing files.") var force = false
  @Flag(
    help: """
      Keep existing files with the image's size and time, to continue after an interrupt; \
      others are errors, unless --force replaces them.
      """)
  var skipExisting = false
  @Flag(
    help: "Unpack everything readable from a damaged image, and list the losses.")
  var keepGoing = false
  @Option(help: "Number of threads, 1 to 1024. (default: one per processor)")
  var threads: ThreadCount?
  @OptionGroup var xattrs: XattrOptions
  @OptionGroup(title: "Messages") var messages: MessageOptions

  func validate() throws {
    for path in paths { try path.refuseEmpty("a path") }
    try directory?.refuseEmpty("a directory")
    try toTar?.refuseEmpty("an archive")
    _ = try xattrs.policy()
    let others = [
      (directory != nil, "--directory"), (keepGoing, "--keep-going"),
      (skipExisting, "--skip-existing"),
    ]
    if toTar != nil, let other = others.first(where: \.0)?.1 {
      throw ValidationError("--to-tar writes an archive; leave out \(other).")
    }
    if list && (toTar != nil || messages.json) {
      throw ValidationError("--list only prints paths; leave out --to-tar and --json.")
    }
    if let toTar, !TarExporter.canWrite(toTar.bytes) {
      throw ValidationError(
        "'\(toTar.bytes.escapedName)' is not the name of a tar archive; use .tar, .tar.gz, .tar.bz2, "
          + ".tar.xz, .tar.zst, .tar.lz4 or .tar.lz.")
    }
  }

  var subject: [UInt8] { image.image.bytes }

  func execute() throws -> Int32 {
    Interruption.watch()
    image.bucket.apply(isQuiet: messages.quiet)
    let image = try image.open(salvages: keepGoing)
    var filter = try PathFilter(paths.map(\.bytes)) { path in
      if case .success = try image.lookup(path, followsLast: false) { true } else { false }
    }
    if !messages.quiet {
      let paths = paths.map(\.bytes)
      for warning in try PathPattern.warnings(of: paths, in: image, isTaken: filter.takes) {
        Messages.write(subject, warning)
      }
    }
    let status =
      if list {
        try self.list(image, &filter)
      } else if let toTar {
        try export(image, to: toTar.bytes, &filter)
      } else {
        try unpack(image, into: target(), &filter)
      }
    Interruption.endIfRequested()
    return status
  }

  /// - Returns: the exit status.
  private func list(_ image: Image, _ filter: inout PathFilter) throws -> Int32 {
    try PathListing(image: image).write(&filter)
    for path in filter.missing {
      Messages.write(subject, try PathPattern.failure(path, in: image))
    }
    return filter.missing.isEmpty ? 0 : ExitStatus.failed
  }

  /// - Returns: the exit status.
  private func unpack(
    _ image: Image, into target: [UInt8], _ filter: inout PathFilter
  ) throws -> Int32 {
    let start = Process.now
    // Files get their modes when they are made.
    umask(0)
    var options = Extractor.Options()
    options.replaces = force
    options.keepsSame = skipExisting
    options.keepsGoing = keepGoing
    options.threads = Process.threadCount(threads)
    options.xattrs = try xattrs.policy()
    let reporter = ExtractionMessages(image: subject, target: target, keepsLosses: messages.json)
    let progress = messages.progressBar(for: target)
    let result = try Extractor(image, into: target, options, reporter: reporter).run(&filter) {
      progress?($0, nil)
    }
    ProgressBar.clearLine()
    let report = ExtractionReport(
      image: subject, target: target, result: result, seconds: Process.now - start,
      isQuiet: messages.quiet, skipsExisting: skipExisting)
    try report.printProblems(of: image)
    if messages.json {
      var output = StandardOutput()
      try output.write(line: report.json(reporter.losses))
      try output.flush()
    } else {
      report.printSum()
    }
    return result.failure.map(ExitStatus.of) ?? (result.isComplete ? 0 : ExitStatus.failed)
  }

  /// The directory to unpack into.
  private func target() throws -> [UInt8] {
    if let directory { return directory.bytes }
    let name = Array(image.image.bytes.lastPathComponent)
    // Not "." or "..", which an odd name could produce.
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0,
      name[..<dot].contains(where: { $0 != UInt8(ascii: ".") })
    else {
      throw SourceError(
        .refused, path: name,
        "has no ending to remove for a directory's name; name a directory with -C")
    }
    return Array(name[..<dot])
  }
}

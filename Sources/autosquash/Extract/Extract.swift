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
      my-tarball.squash is unpacked into the directory my-tarball, or into the one of -C. Each \
      PATH is a file or directory in the image, or a pattern (*, ?, [a-z], ** across \
      directories), which begins at the top; without one, everything is unpacked.

      Nothing is ever written outside that directory, whatever the image or the directory holds: \
      symbolic links are made, not followed. What is there already stays, unless --force, which also \
      writes in read-only directories of one's own; the directory itself, if it is there, keeps \
      its mode in any case. --skip-existing completes what an earlier run has begun: files \
      that are there with the same size and time, and links with the same target, stay and are \
      counted; directories in it get mode and time as in the image. Root gets owners and devices as they are in the image; other \
      users get files of their own, and devices are left out and counted. Where a hard link cannot be, as from one file system to \
      another, a copy is made.

      Exit status: 0 all done; 1 something could not be unpacked; 2 the file is no image, or could not be read.
      """)

  @OptionGroup var image: ImageArguments
  @Argument(help: "Files or directories in the image.") var paths: [ByteArgument] = []

  @Option(
    name: [.customShort("C"), .customShort("d"), .customShort("o"), .long],
    help: "The directory to unpack into, made where it is missing.")
  var directory: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Write a tar archive instead, compressed as its name says (.tar.gz, .tar.xz, .tar.zst); - is standard output.",
      valueName: "file"))
  var toTar: ByteArgument?
  @Flag(name: [.short, .long], help: "Print the paths that would be unpacked; unpack nothing.")
  var list = false
  @Flag(name: [.short, .long], help: "Replace files that are there.") var force = false
  @Flag(
    help: """
      Leave files that are there with the image's size and time, as to go on after an interrupt; \
      others are errors, unless --force replaces them.
      """)
  var skipExisting = false
  @Flag(
    help: "Of a damaged image, unpack what can be read, and list what is lost.")
  var keepGoing = false
  @Option(help: "Number of threads, 1 to 1024. (default: one a processor)")
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
      throw ValidationError("--to-tar writes an archive; it goes without \(other).")
    }
    if list && (toTar != nil || messages.json) {
      throw ValidationError("--list only prints paths; it goes without --to-tar and --json.")
    }
    if let toTar, !TarExporter.canWrite(toTar.bytes) {
      throw ValidationError(
        "'\(toTar.bytes.escapedName)' is no name of a tar archive; give .tar, .tar.gz, .tar.bz2, "
          + ".tar.xz, .tar.zst, .tar.lz4 or .tar.lz.")
    }
  }

  var subject: [UInt8] { image.image.bytes }

  func execute() throws -> Int32 {
    Interruption.watch()
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
        "has no ending that a directory's name could leave out; name a directory with -C")
    }
    return Array(name[..<dot])
  }
}

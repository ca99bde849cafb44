import ArgumentParser
import CLinux
import FileTrees
import Inputs
import Manifests
import Posix
import Terminal

/// `autosquash diff`: the differences between two trees.
struct Diff: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare images, directories, archives and manifests.",
    discussion: """
      A and B are each an image, a directory, an archive (tar and others) or a manifest \
      (*.mtree). Prints a line for each path that differs: "-" only in A, "+" only in B, "~" in \
      both, with the changes. If more than nine tenths of the files and directories in \
      both share one difference, such as another owner, one line at the start says so. A \
      directory in only one of them is one line, which counts the files and directories \
      in it, itself included. The last line has the totals. An archive's single top \
      directory counts as its root. Archives and manifests may come through a pipe. \
      With --json: an array with an object for each path.

      Exit status: 0 the same; 1 different; 2 could not be read.
      """)

  @Argument(help: "The first.") var a: ByteArgument
  @Argument(help: "The second.") var b: ByteArgument

  @Option(
    help: ArgumentHelp(
      "Do not compare these: mode, owner, mtime, size, content, target, device, xattrs, links.",
      valueName: "what,...")) var ignore: [String] = []
  @Flag(help: "Print a line for each path, even for a difference that nearly all share.")
  var all = false
  @Option(help: "Number of threads that unpack, 1 to 1024. (default: one per processor)")
  var threads: ThreadCount?
  @OptionGroup(title: "Attributes") var xattrs: XattrOptions
  @OptionGroup(title: "Reading archives") var archives: ArchiveOptions
  @OptionGroup(title: "Reading directories") var directories: DirectoryOptions
  @OptionGroup(title: "Buckets") var bucket: BucketOptions
  @OptionGroup(title: "Messages") var messages: MessageOptions

  func validate() throws {
    for source in [a, b] { try source.refuseEmpty("a source") }
    _ = try ignored()
    _ = try xattrs.policy()
  }

  private func ignored() throws -> Set<Aspect> {
    var set: Set<Aspect> = []
    for word in ignore.flatMap({ $0.split { $0 == "," || $0 == " " } }) {
      switch word {
      case "time": set.insert(.mtime)
      case "xattr": set.insert(.xattrs)
      default:
        guard let aspect = Aspect(rawValue: String(word)), aspect != .type, aspect != .sockets
        else {
          let words = Aspect.allCases.filter { ![.type, .sockets].contains($0) }.map(\.rawValue)
          throw ValidationError(
            "--ignore does not know '\(word)'; it takes \(words.joined(separator: ", ")).")
        }
        set.insert(aspect)
      }
    }
    return set
  }

  func fail(_ error: any Error) -> Int32 {
    _ = Messages.fail([], error)
    return ExitStatus.unreadableInput
  }

  func execute() throws -> Int32 {
    // 1 would be an answer: trees differ.
    clinux_when_out_of_memory(ExitStatus.unreadableInput, nil, nil)
    bucket.apply(isQuiet: messages.quiet)
    var options = TreeInput.Options()
    options.assembly = TreeInput.unchanged
    options.assembly.xattrs = try xattrs.policy()
    options.archives = archives.options()
    options.directories = directories.options()
    options.threads = Process.threadCount(threads)
    if messages.showsProgress {
      options.progress = { ProgressBar.reporter(title: $0.escapedName) }
    }
    options.embeddedImageHint = "diff does not read images inside other files"
    let messages = messages
    let ignored = try ignored()
    var trees: [DigestedTree] = []
    let paths = [a.bytes, b.bytes]
    // Do not open a pipe before its turn: one writer may fill both, one after the other.
    let mayHaveManifest = paths.contains { PipeStart.isPipe($0) || TreeInput($0).kind == .manifest }
    options.digests = mayHaveManifest ? .bytes : .dataAndHoles
    for path in paths {
      options.warn = { if !messages.quiet { Messages.write(path, "warning: \($0)") } }
      do {
        trees.append(try TreeInput(path).read(options))
        ProgressBar.clearLine()
      } catch {
        _ = Messages.fail(path, error)
        return ExitStatus.unreadableInput
      }
    }
    let unknown = trees[0].unknown.union(trees[1].unknown)
      .subtracting(ignored).subtracting([.sockets])
    if !unknown.isEmpty && !messages.quiet {
      let list = unknown.map(\.rawValue).sorted().joined(separator: ", ")
      Messages.write("warning: not compared, because a manifest lacks them: \(list)")
    }
    return try print(trees, ignoring: ignored) ? ExitStatus.failed : 0
  }

  /// - Returns: whether they differ.
  private func print(_ trees: [DigestedTree], ignoring ignored: Set<Aspect>) throws -> Bool {
    var output = StandardOutput()
    let comparison = TreeComparison(trees[0], trees[1], ignoring: ignored)
    if messages.json {
      let isDifferent = try DifferenceJSON(comparison).write(to: &output)
      try output.flush()
      return isDifferent
    }
    var summary = DifferenceSummary(comparison, listsAll: all)
    let counts = summary.counts
    if counts.total == 0 || messages.quiet { return counts.total > 0 }
    for difference in summary.common {
      let option = "--ignore \(difference.aspect.rawValue)"
      try output.write("\(summary.line(difference)) (\(option) leaves it out)\n")
    }
    try summary.run { try output.write("\($0)\n") }
    let places = summary.places(first: a.bytes.escapedName, second: b.bytes.escapedName)
    try output.write("\(counts.total.counted("difference")): \(places)\n")
    try output.flush()
    if counts.ofOwnerOnly == counts.total && summary.common.isEmpty {
      Messages.write("only owners differ; --ignore owner leaves them out")
    }
    return true
  }
}

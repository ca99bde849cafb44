import ArgumentParser
import MachineSetup
import Posix
import Terminal

/// `autosquash overlay`: makes the overlay's files appear as links in the file system.
struct OverlayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overlay",
    abstract: "Put links to the files of the bucket's overlay at their places on this machine.",
    discussion: """
      The overlay mirrors the file system: for /mnt/s3fs/overlay/home/training/genome.fa a link \
      stands at /home/training/genome.fa. Directories are real, only files are links, so that new \
      files can be written beside them.
      """,
    subcommands: [OverlayLink.self, OverlayCheck.self, OverlayPrune.self, OverlayUnlink.self])
}

/// The arguments common to all of them.
struct OverlayArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The overlay, instead of that of the settings.", valueName: "dir"),
    completion: .directory)
  var overlay: ByteArgument?
  @Option(
    help: ArgumentHelp("The root of the file system in which the links stand.", valueName: "dir"),
    completion: .directory)
  var root: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Where the overlay was before, if that is not remembered or still there; links that lead there are this program's own.",
      valueName: "dir"),
    completion: .directory)
  var was: [ByteArgument] = []
  @Flag(help: "Print JSON, an object a line.") var json = false
  @Flag(name: .shortAndLong, help: "Print conflicts only.") var quiet = false
  @Flag(name: .shortAndLong, help: "Name every path, also those that are right.") var verbose =
    false
  @Option(help: "Show progress: auto, always or never.") var progress = ProgressMode.auto

  func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
  }
}

struct OverlayLink: OverlaySubcommand {
  static let configuration = CommandConfiguration(
    commandName: "link",
    abstract: "Make missing directories and links, and correct wrong ones.",
    discussion: """
      A link that is right is left alone. A file that is in the way is replaced, once the overlay's \
      has been opened and is not empty; from then on its data is in the bucket only, so --backup \
      may be wise the first time. A directory, a device or a link to somewhere else is reported \
      and left as it is; the exit status is then 1. Where the overlay was somewhere else before, as \
      the bucket is mounted at another place now, the links that were made for it there are led to \
      where it is. Directories that are made get owner, group and \
      permissions of the one they are in.
      """)

  @OptionGroup var arguments: OverlayArguments
  @Option(
    help: ArgumentHelp("Keep files that are replaced in this directory.", valueName: "dir"),
    completion: .directory)
  var backup: ByteArgument?
  @Flag(
    name: [.customLong("dry-run"), .customShort("n")], help: "Change nothing, print what would.")
  var isDryRun = false

  func apply(_ options: OverlayOptions) throws {
    let run = try OverlayRun(options)
    Interruption.watch()
    try run.link(backup: backup.map { HostPath($0.bytes) })
  }
}

struct OverlayCheck: OverlaySubcommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Tell what link and prune would change; 1 if anything is missing, wrong or stale.")

  @OptionGroup var arguments: OverlayArguments

  var isDryRun: Bool { true }
  var failsOnChanges: Bool { true }

  func apply(_ options: OverlayOptions) throws {
    let run = try OverlayRun(options)
    Interruption.watch()
    try run.link(backup: nil)
    try run.prune()
  }
}

struct OverlayPrune: OverlaySubcommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Remove links to files that the overlay has no more.",
    discussion: """
      Only links into the overlay are removed, also those that were made where it was before, from directories in which link has put some, and \
      directories that link has made and that are empty. An overlay that cannot be listed, or has \
      no file at all, is refused: a mount that is lost must not look as if all files were removed.
      """)

  @OptionGroup var arguments: OverlayArguments
  @Flag(
    name: [.customLong("dry-run"), .customShort("n")], help: "Change nothing, print what would.")
  var isDryRun = false

  var namesChanges: Bool { true }

  func apply(_ options: OverlayOptions) throws {
    let run = try OverlayRun(options)
    Interruption.watch()
    try run.prune()
  }
}

struct OverlayUnlink: OverlaySubcommand {
  static let configuration = CommandConfiguration(
    commandName: "unlink",
    abstract: "Remove all links that link has made, also when the bucket is not there.",
    discussion: """
      Links into the overlay go, and those of when it was somewhere else, from the directories that \
      are remembered; then the directories that link has made and that are empty. With --overlay \
      only links into that one go. What users have made stays, their own links into the overlay \
      too. Files that --backup has kept stay where they are kept; they are not put back. Nothing is \
      asked of the bucket. A directory that is not there, as a home that is not mounted, stays \
      remembered, for another run. Where autosquash-overlay.service starts with the system, disable \
      it, or it makes the links again.
      """)

  @OptionGroup var arguments: OverlayArguments
  @Flag(
    name: [.customLong("dry-run"), .customShort("n")], help: "Change nothing, print what would.")
  var isDryRun = false

  func apply(_ options: OverlayOptions) throws {
    let missing = try OverlayRemoval(options).run()
    if missing > 0 && !arguments.quiet {
      Messages.write(
        "\(missing) \(missing == 1 ? "directory" : "directories") with links "
          + "\(missing == 1 ? "is" : "are") not there now; links that come back, as with a home "
          + "that is mounted, need another run")
    }
  }
}

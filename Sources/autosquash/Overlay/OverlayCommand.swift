import ArgumentParser
import MachineSetup
import Posix
import Terminal

/// `autosquash overlay`: makes the overlay's files appear as links in the file system.
struct OverlayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overlay",
    abstract: "Link the files of the bucket's overlay to their places on this machine.",
    discussion: """
      The overlay mirrors the file system: /mnt/s3fs/overlay/home/training/genome.fa gets a link \
      at /home/training/genome.fa. Directories are real, only files are links, so that new \
      files can be written beside them.
      """,
    subcommands: [OverlayLink.self, OverlayCheck.self, OverlayPrune.self, OverlayUnlink.self])
}

/// The arguments common to all of them.
struct OverlayArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The overlay, instead of the one in the settings.", valueName: "dir"),
    completion: .directory)
  var overlay: ByteArgument?
  @Option(
    help: ArgumentHelp("The root of the file system that gets the links.", valueName: "dir"),
    completion: .directory)
  var root: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "An earlier place of the overlay, if it is not remembered or still exists; links to it count as this program's own.",
      valueName: "dir"),
    completion: .directory)
  var was: [ByteArgument] = []
  @Flag(help: "Print JSON, one object per line.") var json = false
  @Flag(name: .shortAndLong, help: "Print conflicts only.") var quiet = false
  @Flag(name: .shortAndLong, help: "Name every path, even correct ones.") var verbose =
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
      Correct links stay. A file in the way is replaced once the overlay's file has been \
      opened and is not empty; from then on its data is in the bucket only, so --backup \
      may be wise the first time. A directory, a device or a link to somewhere else is reported \
      and left alone; the exit status is then 1. If the overlay has moved, as when \
      the bucket is mounted at another place, the links to its old place move to \
      the new one. New directories get the owner, group and \
      permissions of their parent.
      """)

  @OptionGroup var arguments: OverlayArguments
  @Option(
    help: ArgumentHelp("Keep replaced files in this directory.", valueName: "dir"),
    completion: .directory)
  var backup: ByteArgument?
  @Flag(
    name: [.customLong("dry-run"), .customShort("n")],
    help: "Change nothing; print what would change.")
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
    abstract:
      "Print what link and prune would change; exit with 1 if anything is missing, wrong or stale.")

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
    abstract: "Remove links to files that the overlay no longer has.",
    discussion: """
      Removes only links into the overlay or its old place, from directories where link has put some, and empty \
      directories that link has made. Refuses an overlay that cannot be listed or has \
      no files: a lost mount must not look as if all files were removed.
      """)

  @OptionGroup var arguments: OverlayArguments
  @Flag(
    name: [.customLong("dry-run"), .customShort("n")],
    help: "Change nothing; print what would change.")
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
    abstract: "Remove all links that link has made, even without the bucket.",
    discussion: """
      Removes links into the overlay and its old places from the remembered \
      directories, then the empty directories that link has made. With --overlay \
      only links into that one go. Files and links of users stay, even their own links into the overlay. \
      Files that --backup has kept stay there; they are not put back. The bucket is \
      never read. A missing directory, such as an unmounted home, stays \
      remembered for another run. If autosquash-overlay.service starts with the system, disable \
      it, or it makes the links again.
      """)

  @OptionGroup var arguments: OverlayArguments
  @Flag(
    name: [.customLong("dry-run"), .customShort("n")],
    help: "Change nothing; print what would change.")
  var isDryRun = false

  func apply(_ options: OverlayOptions) throws {
    let missing = try OverlayRemoval(options).run()
    if missing > 0 && !arguments.quiet {
      Messages.write(
        "\(missing) \(missing == 1 ? "directory" : "directories") with links "
          + "\(missing == 1 ? "is" : "are") missing now; if \(missing == 1 ? "it comes" : "they come") back, "
          + "as when a home is mounted, run this again")
    }
  }
}

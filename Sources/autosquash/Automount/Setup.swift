import ArgumentParser
import Automount
import Glibc
import MachineSetup
import Posix
import Terminal

/// `autosquash setup`: installs or removes the automounter's files.
struct Setup: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "setup",
    abstract: "Have autofs mount the images of the bucket, from now on and after every start.",
    discussion: """
      Writes /etc/autosquash.conf and /etc/auto.master.d/autosquash.autofs, where there is systemd \
      also a timer that lists new images, and reloads the automounter. Run again, it changes what \
      the options say and nothing else. Files that it did not write stay as they are.

      With --root the files name the program, the map and the mount of that system, and what it \
      lacks of them, autofs and s3fs is told; doctor --root tells more.
      """)

  @Option(
    help: ArgumentHelp("The folder with the images.", valueName: "dir"), completion: .directory)
  var images: ByteArgument?
  @Option(help: ArgumentHelp("Where they appear.", valueName: "dir"))
  var mountRoot: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Time after which an image that nobody uses is unmounted.", valueName: "seconds"))
  var timeout: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Prepare the system below this directory, such as the root of a machine image.",
      valueName: "dir"), completion: .directory)
  var root: ByteArgument?
  @Flag(help: "Take away what setup wrote.") var remove = false
  @Flag(help: "With --remove: leave the settings.") var keepSettings = false
  @Flag(name: [.customLong("dry-run"), .customShort("n")], help: "Print what would be done.")
  var isDryRun = false

  func validate() throws {
    if root?.bytes.isEmpty == true {
      throw ValidationError("--root needs a directory")
    }
    if keepSettings && !remove { throw ValidationError("--keep-settings is for --remove") }
    if remove && (images != nil || mountRoot != nil || timeout != nil) {
      throw ValidationError("--remove takes no settings")
    }
  }

  func execute() throws -> Int32 {
    var job = try SetupJob(
      root: root.map { root throws(SystemError) in try SystemRoot(below: HostPath(root.bytes)) }
        ?? .running(),
      isDryRun: isDryRun, warn: Messages().warn)
    var given: [(Configuration.Key, [UInt8])] = []
    if let images { given.append((.images, images.bytes)) }
    if let mountRoot { given.append((.mountRoot, mountRoot.bytes)) }
    if let timeout { given.append((.timeout, timeout.bytes)) }
    do {
      if remove { try job.remove(keepsSettings: keepSettings) } else { try job.install(given) }
    } catch {
      // Report the steps that succeeded.
      try? printReport(of: job)
      throw error
    }
    try printReport(of: job)
    return 0
  }

  private func printReport(of job: SetupJob) throws {
    var output = StandardOutput()
    for line in job.report { try output.write(line + "\n") }
    try output.flush()
    for warning in job.warnings { Messages.write("warning: \(warning)") }
  }

  func fail(_ error: any Error) -> Int32 {
    if let error = error as? SystemError, error.code == ELOOP, root != nil {
      Messages.write(error.path, "a symbolic link; setup does not follow links below --root")
    } else {
      Messages.write(error)
    }
    return ExitStatus.failed
  }
}

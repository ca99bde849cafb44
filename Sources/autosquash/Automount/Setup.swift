import ArgumentParser
import Automount
import Glibc
import MachineSetup
import ObjectStore
import Posix
import Terminal

/// `autosquash setup`: installs or removes the automounter's files.
struct Setup: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "setup",
    abstract: "Make autofs mount the images of the bucket, now and after every start.",
    discussion: """
      Writes /etc/autosquash.conf, /etc/auto.master.d/autosquash.autofs and, with systemd, a timer \
      that lists new images, then reloads the automounter. A second run changes \
      only the settings given. Files that setup did not write stay unchanged.

      With s3://BUCKET/FOLDER for --images, each image is mounted from the bucket itself, by \
      "autosquash mount"; otherwise the bucket must be mounted, such as by s3fs.

      With --root the files name the program, the map and the mount of that system, and setup \
      warns if one of them, autofs or s3fs is missing there; doctor --root checks more.
      """)

  @Option(
    help: ArgumentHelp(
      "The folder with the images, or that of a bucket: s3://BUCKET/FOLDER.", valueName: "dir"),
    completion: .directory)
  var images: ByteArgument?
  @Option(help: ArgumentHelp("Where they appear.", valueName: "dir"))
  var mountRoot: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Unmount an unused image after this time.", valueName: "seconds"))
  var timeout: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Prepare the system below this directory, such as the root of a machine image.",
      valueName: "dir"), completion: .directory)
  var root: ByteArgument?
  @Flag(help: "Remove everything that setup wrote.") var remove = false
  @Flag(help: "With --remove: leave the settings.") var keepSettings = false
  @Flag(name: [.customLong("dry-run"), .customShort("n")], help: "Print what would be done.")
  var isDryRun = false
  @OptionGroup(title: "Images in a bucket") var bucket: BucketOptions

  func validate() throws {
    if root?.bytes.isEmpty == true {
      throw ValidationError("--root needs a directory")
    }
    if keepSettings && !remove { throw ValidationError("--keep-settings needs --remove") }
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
    let store = bucket.options
    for (key, value) in [
      (Configuration.Key.endpoint, store.endpoint), (.region, store.region),
      (.profile, store.profile), (.caBundle, store.caBundle),
      (.signs, store.signs ? nil : "no"),
    ] {
      if let value { given.append((key, Array(value.utf8))) }
    }
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

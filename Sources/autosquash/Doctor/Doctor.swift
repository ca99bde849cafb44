import ArgumentParser
import Automount
import Glibc
import MachineSetup
import ObjectStore
import Posix
import Terminal

/// `autosquash doctor`: what this machine lacks, and the command that helps.
struct Doctor: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check what this machine lacks to mount the images, and how to fix it.",
    discussion: """
      Checks the settings, what mounts the images, the automounter, the bucket and every image in \
      it, then mounts the smallest image through the automounter and reads a file. The exit \
      status is 1 when something fails.

      With --root it checks the files of another system before it starts, such as the root of a \
      machine image prepared by setup --root: its settings, the files that setup writes for \
      them, programs and libraries, the bucket's mount and credentials, and the kernel's modules. \
      It mounts and runs nothing there, sends no requests and follows no links.

      If s3fs mounts the images, it also reads them without s3fs, straight from the bucket, with \
      the credentials that other commands would use for s3://, and compares what both fetch. With \
      s3://BUCKET/FOLDER/ it checks only that, in detail: credentials, region, server, clock, \
      permissions, how the server answers, and every image. The exit status is 2 if the argument \
      is no such folder.
      """)

  @Argument(help: "A folder of a bucket, s3://BUCKET/FOLDER/. (default: this machine)")
  var folder: ByteArgument?
  @Option(
    help: ArgumentHelp(
      "Check the system below this directory, without starting it.", valueName: "dir"),
    completion: .directory)
  var root: ByteArgument?
  @Flag(help: "Print JSON, one object per line.") var json = false
  @OptionGroup(title: "Buckets") var bucket: BucketOptions

  func validate() throws {
    try folder?.refuseEmpty("a folder")
    guard let root else { return }
    if root.bytes.isEmpty { throw ValidationError("--root needs a directory") }
    guard folder == nil, bucket.options == StoreOptions() else {
      throw ValidationError(
        "--root sends no requests, so it takes no bucket and no options for one.")
    }
  }

  func execute() throws -> Int32 {
    var hasFailed = false
    var output = StandardOutput()
    var failure: (any Error)?
    func report(_ checkup: Checkup) {
      if checkup.status == .fail { hasFailed = true }
      // Print at once: the next check may take a while.
      do {
        try output.write((json ? checkup.json.text : checkup.text) + "\n")
        try output.flush()
      } catch { failure = error }
    }
    if let folder {
      try BucketFolderCheckup.run(folder.bytes, bucket.options) { report($0) }
    } else if let root = try root.map({ root throws(SystemError) in
      try SystemRoot(below: HostPath(root.bytes))
    }),
      !root.isRunning
    {
      try RootCheckup.run(root, report)
    } else {
      Checkups.run(bucket.options, report)
    }
    if let failure {
      Messages.write(failure)
      return ExitStatus.failed
    }
    return hasFailed ? ExitStatus.failed : 0
  }

  func fail(_ error: any Error) -> Int32 {
    if let error = error as? SystemError, error.code == ELOOP, root != nil {
      Messages.write(error.path, "a symbolic link; doctor does not follow links below --root")
    } else if let folder {
      Messages.write(folder.bytes, "\(error)")
    } else {
      Messages.write(error)
    }
    return ExitStatus.unreadableInput
  }
}

extension Checkup {
  /// One line, and another for the remedy.
  fileprivate var text: String {
    let label = status.rawValue + String(repeating: " ", count: 5 - status.rawValue.count)
    return "\(label) \(topic): \(finding)" + (remedy.map { "\n      -> \($0)" } ?? "")
  }

  fileprivate var json: JSON {
    [
      "status": .string(status.rawValue), "topic": .string(topic),
      "finding": .string(finding), "remedy": .string(remedy ?? ""),
    ]
  }
}

import ArgumentParser
import Automount
import Glibc
import Posix

/// `autosquash refresh`: makes the names of the images show in a listing of the mount root.
struct Refresh: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refresh",
    abstract: "Write the lists of names that show in the mount root, and tell the automounter.",
    discussion: """
      Only images that would mount are listed; others are named on standard error. Images that \
      came since the last time work before they are listed. When the bucket cannot be read, the \
      lists name nothing, so that a name that is asked for gets a clear failure and no endless \
      wait. A timer runs this every minute.
      """)

  @Flag(name: .shortAndLong, help: "Print errors only.") var quiet = false

  func run() throws {
    do {
      let told = try Self.refresh(isQuiet: quiet)
      if !quiet {
        var output = StandardOutput()
        try output.write(told + "\n")
        try output.flush()
      }
    } catch {
      Messages.write(error)
      throw ExitCode(error is BucketError ? ExitStatus.unreadableInput : ExitStatus.failed)
    }
  }

  /// Writes the lists.
  ///
  /// - Returns: what was done, in one line.
  static func refresh(isQuiet: Bool) throws -> String {
    let messages = Messages(isQuiet: isQuiet)
    let job = try CatalogueJob()
    for path in [job.maps, Installation.map] where !MapEntry.isPlain(path) {
      throw SetupError(path: path, text: "autofs takes only letters, digits and ._-+ in this path")
    }
    try makeFolders(job)
    let lock = try FileLock(job.configuration.state + Array("/refresh.lock".utf8), waits: true)
    defer { withExtendedLifetime(lock) {} }
    try copyKernelConfiguration(job)
    let catalogue: Catalogue?
    var failure: (any Error)?
    do { catalogue = try job.catalogue(usesLists: true) } catch {
      catalogue = nil
      failure = error
    }
    let update = ListUpdate(catalogue: catalogue, job: job)
    let told = try update.apply()
    if let failure { throw failure }
    let images = catalogue?.images ?? []
    for image in images {
      if let problem = image.problem { messages.warn(image.file, "left out: \(problem)") }
    }
    for folder in catalogue?.unreadable ?? [] {
      messages.warn(folder.path, "left out: \(folder.text)")
    }
    let listed = images.count { $0.problem == nil } - update.unlisted
    return "\(listed) \(listed == 1 ? "image" : "images") listed; \(told)"
  }

  private static func makeFolders(_ job: CatalogueJob) throws(SystemError) {
    for folder in [job.configuration.state, job.maps] {
      guard folder.withCPath({ mkdir($0, 0o755) }) == 0 || errno == EEXIST else {
        throw SystemError("make the folder", path: folder)
      }
    }
  }

  /// The map cannot unpack what some kernels have instead of a file in /boot.
  private static func copyKernelConfiguration(_ job: CatalogueJob) throws {
    let places = KernelSupport.configurationPaths(state: job.configuration.state)
    let packed = "/proc/config.gz"
    guard access(packed, R_OK) == 0,
      !places.contains(where: { $0.withCPath { access($0, R_OK) } == 0 })
    else { return }
    let result = try ChildProcess.run(["gzip", "-dc", packed])
    guard result.status == 0 else { return }
    let lines = result.output.split(separator: UInt8(ascii: "\n")).filter {
      String(decoding: $0, as: UTF8.self).contains("SQUASHFS")
    }
    let title = Array("# From \(packed), for autosquash-map.\n".utf8)
    try SmallFile.write(
      title + lines.joined(separator: [0x0a]) + [0x0a], to: places.last!, mode: 0o644)
  }
}

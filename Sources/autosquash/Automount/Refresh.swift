import ArgumentParser
import Automount
import Glibc
import Posix
import Terminal

/// `autosquash refresh`: makes the names of the images show in a listing of the mount root.
struct Refresh: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "refresh",
    abstract: "Write the lists of names that show in the mount root, and tell the automounter.",
    discussion: """
      Only images that would mount are listed; others are named on standard error. Images that \
      came since the last time work before they are listed. When the bucket cannot be read, the \
      lists name nothing, so that a name that is asked for gets a clear failure and no endless \
      wait. A timer runs this every minute.
      """)

  @Flag(help: "First mount the bucket again where the program that served it has ended.")
  var recover = false
  @Flag(name: .shortAndLong, help: "Print errors only.") var quiet = false

  func execute() throws -> Int32 {
    if recover { try RecoverJob(configuration: .load(), isQuiet: quiet).recoverDead() }
    let told = try Self.refresh(isQuiet: quiet)
    if !quiet {
      var output = StandardOutput()
      try output.write(told + "\n")
      try output.flush()
    }
    return 0
  }

  /// Writes the lists.
  ///
  /// - Returns: what was done, in one line.
  static func refresh(isQuiet: Bool) throws -> String {
    let messages = Messages(isQuiet: isQuiet)
    let job = try CatalogueJob()
    guard MapEntry.isPlain(Installation.map) else {
      throw SetupError(
        path: Installation.map, text: "autofs takes only letters, digits and ._-+ in this path")
    }
    let state = try StateFolder(job.configuration, in: .running())
    let lock = try state.lock()
    defer { withExtendedLifetime(lock) {} }
    try state.copyKernelConfiguration()
    let catalogue: Catalogue?
    var failure: (any Error)?
    do { catalogue = try job.catalogue(lists: state.maps) } catch {
      catalogue = nil
      failure = error
    }
    let update = ListUpdate(catalogue: catalogue, job: job, folder: state.maps)
    let told = try update.apply()
    if let failure { throw failure }
    let images = catalogue?.images ?? []
    for image in images {
      if let problem = image.problem { messages.warn(image.file.bytes, "left out: \(problem)") }
    }
    for folder in catalogue?.unreadable ?? [] {
      messages.warn(folder.path.bytes, "left out: \(folder.text)")
    }
    let listed = images.count { $0.problem == nil } - update.unlisted
    return "\(listed) \(listed == 1 ? "image" : "images") listed; \(told)"
  }
}

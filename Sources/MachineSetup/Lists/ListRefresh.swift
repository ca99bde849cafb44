import Automount
import Posix

/// Writes the automounter's lists of images.
package enum ListRefresh {
  /// Writes the lists.
  ///
  /// - Parameter warn: called about each omission.
  /// - Returns: one line that says what was done.
  package static func run(
    warn: (_ path: [UInt8], _ text: String) -> Void
  ) throws -> String {
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
      if let problem = image.problem { warn(image.file.bytes, "left out: \(problem)") }
    }
    for folder in catalogue?.unreadable ?? [] {
      warn(folder.path.bytes, "left out: \(folder.text)")
    }
    let listed = images.count { $0.problem == nil } - update.unlisted
    return "\(listed) \(listed == 1 ? "image" : "images") listed; \(told)"
  }
}

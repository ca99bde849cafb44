import Automount
import Glibc
import Overlay
import Posix
import Terminal

/// One run of `autosquash overlay unlink`, which needs no overlay to be there.
struct OverlayUnlinkJob {
  private let arguments: OverlayArguments
  private let isDryRun: Bool
  private let printer: OverlayPrinter
  private let settings: Configuration

  init(_ arguments: OverlayArguments, isDryRun: Bool, _ printer: OverlayPrinter) throws {
    self.arguments = arguments
    self.isDryRun = isDryRun
    self.printer = printer
    var settings = Configuration()
    // They may be gone already, when all is taken away.
    if Configuration.path != Configuration.standardPath
      || Configuration.standardPath.withCPath({ access($0, F_OK) }) == 0
    {
      settings = try Configuration.load()
    }
    if let given = arguments.overlay, let problem = settings.set(.overlay, given.bytes) {
      throw SetupError(path: HostPath(given.bytes), text: problem)
    }
    self.settings = settings
  }

  func run() throws {
    let given = arguments.root?.bytes ?? []
    let root = try Folder(at: given.isEmpty ? .root : HostPath(given))
    guard
      let folder = try OverlayStateFolder(
        settings.state.relative(to: .root)!, root: root,
        overlay: OverlayListing(settings.overlay, encoded: []), makesMissing: false)
    else { return }
    let lock =
      isDryRun ? nil : try FileLock(OverlayJob.lockName, in: folder.folder, waits: false)
    defer { withExtendedLifetime(lock) {} }
    var state = try OverlayState(in: folder)
    let overlays = try overlays(in: &state)
    Interruption.watch()
    let missing = OverlayUnlinker(root: root, overlays: overlays, isDryRun: isDryRun)
      .run(&state, shouldStop: { Interruption.isRequested }, report: printer.report)
    if !isDryRun { try state.write(to: folder) }
    if missing > 0 && !arguments.quiet {
      Messages.write(
        "\(missing) \(missing == 1 ? "directory" : "directories") with links \(missing == 1 ? "is" : "are")"
          + " not there now; links that come back, as with a home that is mounted, need another run"
      )
    }
  }

  /// The overlays whose links are to go: the one that is named, or all that are remembered; and those
  /// that the user says the links lead into, of which nothing may be remembered.
  private func overlays(in state: inout OverlayState) throws -> [HostPath] {
    var overlays =
      arguments.overlay != nil
      ? [settings.overlay]
      : state.places.keys.sorted()
    let known = state.places.values.flatMap(\.keys)
    for was in arguments.was {
      var settings = settings
      if let problem = settings.set(.overlay, was.bytes) {
        throw SetupError(path: HostPath(was.bytes), text: problem)
      }
      for path in known where state.places[settings.overlay]?[path] == nil {
        state.places[settings.overlay, default: [:]][path] = false
      }
      if !overlays.contains(settings.overlay) { overlays.append(settings.overlay) }
    }
    return overlays
  }
}

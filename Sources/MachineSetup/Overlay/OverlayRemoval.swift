import Automount
import Glibc
import Overlay
import Posix

/// Removes all links it made; works without the overlay.
package struct OverlayRemoval {
  private let options: OverlayOptions
  private let settings: Configuration

  package init(_ options: OverlayOptions) throws {
    self.options = options
    var settings = Configuration()
    // They may be gone already, when everything is being removed.
    if Configuration.path != Configuration.standardPath
      || Configuration.standardPath.withCPath({ access($0, F_OK) }) == 0
    {
      settings = try Configuration.load()
    }
    if let given = options.overlay, let problem = settings.set(.overlay, given.bytes) {
      throw SetupError(path: given, text: problem)
    }
    self.settings = settings
  }

  /// Removes them.
  ///
  /// - Returns: the number of directories with links that do not exist now.
  package func run() throws -> Int {
    let root = try Folder(at: options.root ?? .root)
    guard
      let folder = try OverlayStateFolder(
        settings.state.relative(to: .root)!, root: root,
        overlay: OverlayListing(settings.overlay, encoded: []), makesMissing: false)
    else { return 0 }
    let lock =
      options.isDryRun ? nil : try FileLock(OverlayRun.lockName, in: folder.folder, waits: false)
    defer { withExtendedLifetime(lock) {} }
    var state = try OverlayState(in: folder)
    let overlays = try overlays(in: &state)
    Interruption.watch()
    let missing = OverlayUnlinker(root: root, overlays: overlays, isDryRun: options.isDryRun)
      .run(&state, shouldStop: { Interruption.isRequested }, report: options.report)
    if !options.isDryRun { try state.write(to: folder) }
    return missing
  }

  /// The overlays whose links to remove: the named one, or all that are remembered; and those that
  /// the user says the links lead into, which may be forgotten.
  private func overlays(in state: inout OverlayState) throws -> [HostPath] {
    var overlays =
      options.overlay != nil
      ? [settings.overlay]
      : state.places.keys.sorted()
    let known = state.places.values.flatMap(\.keys)
    for path in options.earlier {
      var settings = settings
      if let problem = settings.set(.overlay, path.bytes) {
        throw SetupError(path: path, text: problem)
      }
      for path in known where state.places[settings.overlay]?[path] == nil {
        state.places[settings.overlay, default: [:]][path] = false
      }
      if !overlays.contains(settings.overlay) { overlays.append(settings.overlay) }
    }
    return overlays
  }
}

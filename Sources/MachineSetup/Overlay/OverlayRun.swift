import Automount
import Glibc
package import Overlay
package import Posix

/// The overlay, and the tree for its links.
package struct OverlayOptions {
  /// The overlay; by default that of the settings.
  package var overlay: HostPath?
  /// The root of the tree that holds the links.
  package var root: HostPath?
  /// Earlier locations of the overlay.
  package var earlier: [HostPath] = []
  /// Whether to change nothing.
  package var isDryRun = false
  /// Called with what happens to each path.
  package var report: (_ path: RelativePath, _ event: OverlayEvent) -> Void = { _, _ in }
  /// Called with the number of directories listed so far.
  package var progress: (Int) -> Void = { _ in }

  package init() {}
}

/// Makes and prunes links to an overlay's files.
package final class OverlayRun {
  private let overlay: HostPath
  /// The tree, opened once: its path may lead elsewhere later.
  private let root: Folder
  private let listing: OverlayListing
  private let options: OverlayOptions
  private let stateFolder: OverlayStateFolder?
  private let reserved: RelativePath
  private var state = OverlayState()
  /// Earlier locations of the overlay, and other overlays with links in this tree.
  private var earlier: [EarlierOverlay] = []
  private var others: [HostPath] = []
  private let lock: FileLock?

  /// Lists the overlay, and opens the tree.
  package init(_ options: OverlayOptions) throws {
    // Read the settings only if the options leave something open.
    var settings = Configuration()
    do { settings = try Configuration.load() } catch {
      if options.overlay == nil { throw error }
    }
    if let given = options.overlay, let problem = settings.set(.overlay, given.bytes) {
      throw SetupError(path: given, text: problem)
    }
    self.options = options
    overlay = settings.overlay
    reserved = settings.state.relative(to: .root)!
    // The bucket first: change nothing for one that is missing.
    let overlay = overlay
    let encoded = try Bucket.ask(
      overlay, seconds: settings.answerTimeout, onProgress: options.progress
    ) { progress throws(SystemError) in
      try OverlayListing(overlay, progress: progress).encoded
    }
    listing = OverlayListing(overlay, encoded: encoded)
    self.root = try Folder(at: options.root ?? .root)
    stateFolder = try OverlayStateFolder(
      reserved, root: self.root, overlay: listing, makesMissing: !options.isDryRun)
    lock =
      options.isDryRun
      ? nil
      : try stateFolder.map { state throws(SystemError) in
        try FileLock(Self.lockName, in: state.folder, waits: false)
      }
    if let stateFolder { state = try OverlayState(in: stateFolder) }
    try findEarlier(options.earlier, settings)
    for path in listing.others {
      options.report(path, .conflict("the overlay has a device, pipe or socket here"))
    }
  }

  /// Finds the overlay's earlier locations: those this program made links into and that no longer
  /// hold it.
  ///
  /// - Parameter named: earlier locations that the user named.
  private func findEarlier(_ named: [HostPath], _ settings: Configuration) throws {
    for path in named {
      var settings = settings
      if let problem = settings.set(.overlay, path.bytes) {
        throw SetupError(path: path, text: problem)
      }
      if settings.overlay == overlay { continue }
      earlier.append(EarlierOverlay(path: settings.overlay, places: nil))
    }
    let known = state.places.keys.filter { path in
      path != overlay && !earlier.contains { $0.path == path }
    }
    for path in known.sorted() {
      if Self.isGone(path, now: overlay, seconds: settings.answerTimeout) {
        earlier.append(EarlierOverlay(path: path, places: Set(state.places[path]!.keys)))
      } else {
        others.append(path)
      }
    }
    // Directories made for links must still go with the last of them.
    for overlay in earlier {
      for (path, isMade) in state.places[overlay.path] ?? [:] where isMade {
        state.places[self.overlay, default: [:]][path] = true
      }
    }
  }

  /// Whether an earlier location is empty, or the same folder as the new one.
  private static func isGone(_ path: HostPath, now overlay: HostPath, seconds: Int) -> Bool {
    // No response does not mean gone.
    (try? Bucket.ask(path, seconds: seconds) { _ throws(SystemError) in
      guard let was = stat(at: path) else {
        return errno == ENOENT || errno == ENOTDIR
      }
      if let now = stat(at: overlay), was.identity == now.identity { return true }
      // An empty directory is what remains where the bucket was mounted.
      guard var entries = try? DirectoryStream(at: path) else { return false }
      return try entries.next() == nil
    }) == true
  }

  /// The lock file in the state folder that keeps other runs out.
  static let lockName: Name = "overlay.lock"

  private func writeState() throws {
    if let stateFolder, !options.isDryRun { try state.write(to: stateFolder) }
  }

  /// Makes missing links and corrects wrong ones.
  ///
  /// - Parameter backup: where to keep replaced files.
  package func link(backup: HostPath?) throws {
    let linker = try OverlayLinker(
      listing, root: root, reserved: reserved, state: stateFolder, backup: backup,
      earlier: earlier, others: others, isDryRun: options.isDryRun)
    if !options.isDryRun {
      for (path, isMissing) in linker.places()
      where isMissing || state.places[overlay]?[path] == nil {
        state.places[overlay, default: [:]][path] = isMissing
      }
      try writeState()
    }
    linker.run(shouldStop: { Interruption.isRequested }, report: options.report)
  }

  /// Removes links to files that the overlay no longer has.
  package func prune() throws {
    let pruner = try OverlayPruner(
      listing, root: root, earlier: earlier, isDryRun: options.isDryRun)
    for overlay in earlier {
      var places = state.places[overlay.path] ?? [:]
      if overlay.isNamed { for directory in listing.directories { places[directory.path] = false } }
      pruner.run(
        overlay, &places, shouldStop: { Interruption.isRequested }, report: options.report)
      state.places[overlay.path] = places.isEmpty ? nil : places
    }
    pruner.run(
      &state.places[overlay, default: [:]], shouldStop: { Interruption.isRequested },
      report: options.report)
    try writeState()
  }
}

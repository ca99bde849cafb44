import Automount
import Glibc
package import Overlay
package import Posix

/// Which overlay, in which tree.
package struct OverlayOptions {
  /// The overlay; that of the settings where none is given.
  package var overlay: HostPath?
  /// The root of the tree in which the links stand.
  package var root: HostPath?
  /// Places where the overlay was before.
  package var earlier: [HostPath] = []
  /// Whether nothing is changed.
  package var isDryRun = false
  /// Told what happens to each path.
  package var report: (_ path: RelativePath, _ event: OverlayEvent) -> Void = { _, _ in }
  /// Told how many directories were listed so far.
  package var progress: (Int) -> Void = { _ in }

  package init() {}
}

/// The making and the pruning of links to an overlay's files.
package final class OverlayRun {
  private let overlay: HostPath
  /// The tree, opened once: its path may lead elsewhere later.
  private let root: Folder
  private let listing: OverlayListing
  private let options: OverlayOptions
  private let stateFolder: OverlayStateFolder?
  private let reserved: RelativePath
  private var state = OverlayState()
  /// Where the overlay was before, and other overlays with links in this tree.
  private var earlier: [EarlierOverlay] = []
  private var others: [HostPath] = []
  private let lock: FileLock?

  /// Lists the overlay, and opens the tree.
  package init(_ options: OverlayOptions) throws {
    // Settings are of use only where the options leave something open.
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
    // The bucket first: nothing is made for one that is not there.
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

  /// Finds out where the overlay was before: where this program has made links into it, and it is no
  /// more.
  ///
  /// - Parameter named: places that the user says it was at.
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
    // Directories that were made for links are still to go with the last of them.
    for overlay in earlier {
      for (path, isMade) in state.places[overlay.path] ?? [:] where isMade {
        state.places[self.overlay, default: [:]][path] = true
      }
    }
  }

  /// Whether nothing is at a place where an overlay was, or the same folder as at the new one.
  private static func isGone(_ path: HostPath, now overlay: HostPath, seconds: Int) -> Bool {
    // What does not answer is not known to be gone.
    (try? Bucket.ask(path, seconds: seconds) { _ throws(SystemError) in
      guard let was = stat(at: path) else {
        return errno == ENOENT || errno == ENOTDIR
      }
      if let now = stat(at: overlay), was.identity == now.identity { return true }
      // As the directory is that the bucket was mounted on.
      guard var entries = try? DirectoryStream(at: path) else { return false }
      return try entries.next() == nil
    }) == true
  }

  /// The file for the lock that keeps other runs off, in the folder of the state.
  static let lockName: Name = "overlay.lock"

  private func writeState() throws {
    if let stateFolder, !options.isDryRun { try state.write(to: stateFolder) }
  }

  /// Makes missing links, and corrects wrong ones.
  ///
  /// - Parameter backup: where files are kept that are replaced.
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

  /// Removes links to files that the overlay has no more.
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

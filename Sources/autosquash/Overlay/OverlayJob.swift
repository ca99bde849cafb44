import ArgumentParser
import Automount
import Glibc
import Overlay
import Posix
import Terminal

/// One run of an overlay command.
final class OverlayJob {
  private let overlay: HostPath
  /// The tree, opened once: its path may lead elsewhere later.
  private let root: Folder
  private let listing: OverlayListing
  private let isDryRun: Bool
  private let printer: OverlayPrinter
  private let stateFolder: OverlayStateFolder?
  private let reserved: RelativePath
  private var state = OverlayState()
  /// Where the overlay was before, and other overlays with links in this tree.
  private var earlier: [EarlierOverlay] = []
  private var others: [HostPath] = []
  private let lock: FileLock?

  /// Runs a command's steps, prints what came of them, and ends the program with its status.
  static func run(
    _ arguments: OverlayArguments, isDryRun: Bool, namesChanges: Bool,
    failsOnChanges: Bool = false, _ steps: (OverlayJob) throws -> Void
  ) throws {
    let printer = OverlayPrinter(arguments, isDryRun: isDryRun, namesChanges: namesChanges)
    try run(printer, failsOnChanges: failsOnChanges) {
      let job = try OverlayJob(arguments, isDryRun: isDryRun, printer)
      Interruption.watch()
      try steps(job)
    }
  }

  /// Does something, prints what came of it, and ends the program with its status.
  static func run(
    _ printer: OverlayPrinter, failsOnChanges: Bool = false, _ body: () throws -> Void
  ) throws {
    do {
      do { try body() } catch {
        // What was done is told all the same.
        if printer.counts.hasChanges { try? printer.finish() }
        throw error
      }
      ProgressBar.clearLine()
      try printer.finish()
    } catch {
      Messages.write(error)
      throw ExitCode(error is BucketError ? ExitStatus.unreadableInput : ExitStatus.failed)
    }
    Interruption.honour()
    if printer.counts.conflicts > 0 || failsOnChanges && printer.counts.hasChanges {
      throw ExitCode(ExitStatus.failed)
    }
  }

  private init(
    _ arguments: OverlayArguments, isDryRun: Bool, _ printer: OverlayPrinter
  ) throws {
    // Settings are of use only where the options leave something open.
    var settings = Configuration()
    do { settings = try Configuration.load() } catch {
      if arguments.overlay == nil { throw error }
    }
    if let given = arguments.overlay, let problem = settings.set(.overlay, given.bytes) {
      throw SetupError(path: HostPath(given.bytes), text: problem)
    }
    self.isDryRun = isDryRun
    self.printer = printer
    overlay = settings.overlay
    let root = arguments.root?.bytes ?? []
    reserved = settings.state.relative(to: .root)!
    // The bucket first: nothing is made for one that is not there.
    let bar = arguments.progress.isShown && !arguments.quiet ? DirectoryCounter() : nil
    let overlay = overlay
    func show(_ count: Int) { bar?.show(count) }
    let encoded = try Bucket.ask(
      overlay, seconds: settings.answerTimeout, onProgress: show
    ) { progress throws(SystemError) in
      try OverlayListing(overlay, progress: progress).encoded
    }
    listing = OverlayListing(overlay, encoded: encoded)
    self.root = try Folder(at: root.isEmpty ? .root : HostPath(root))
    stateFolder = try OverlayStateFolder(
      reserved, root: self.root, overlay: listing, makesMissing: !isDryRun)
    lock =
      isDryRun
      ? nil
      : try stateFolder.map { state throws(SystemError) in
        try FileLock(Self.lockName, in: state.folder, waits: false)
      }
    if let stateFolder { state = try OverlayState(in: stateFolder) }
    try findEarlier(arguments.was.map(\.bytes), settings)
    for path in listing.others {
      printer.report(path, .conflict("the overlay has a device, pipe or socket here"))
    }
  }

  /// Finds out where the overlay was before: where this program has made links into it, and it is no
  /// more.
  ///
  /// - Parameter named: places that the user says it was at.
  private func findEarlier(_ named: [[UInt8]], _ settings: Configuration) throws {
    for path in named {
      var settings = settings
      if let problem = settings.set(.overlay, path) {
        throw SetupError(path: HostPath(path), text: problem)
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
        return errno == ENOENT || errno == ENOTDIR ? [1] : [0]
      }
      if let now = stat(at: overlay), was.identity == now.identity { return [1] }
      // As the directory is that the bucket was mounted on.
      guard var entries = try? DirectoryStream(at: path) else { return [0] }
      return try entries.next() == nil ? [1] : [0]
    }) == [1]
  }

  /// The file for the lock that keeps other runs off, in the folder of the state.
  static let lockName: Name = "overlay.lock"

  private func writeState() throws {
    if let stateFolder, !isDryRun { try state.write(to: stateFolder) }
  }

  func link(backup: HostPath?) throws {
    let linker = try OverlayLinker(
      listing, root: root, reserved: reserved, state: stateFolder, backup: backup,
      earlier: earlier, others: others, isDryRun: isDryRun)
    if !isDryRun {
      for (path, isMissing) in linker.places()
      where isMissing || state.places[overlay]?[path] == nil {
        state.places[overlay, default: [:]][path] = isMissing
      }
      try writeState()
    }
    linker.run(shouldStop: { Interruption.isRequested }, report: printer.report)
  }

  func prune() throws {
    let pruner = try OverlayPruner(listing, root: root, earlier: earlier, isDryRun: isDryRun)
    for overlay in earlier {
      var places = state.places[overlay.path] ?? [:]
      if overlay.isNamed { for directory in listing.directories { places[directory.path] = false } }
      pruner.run(
        overlay, &places, shouldStop: { Interruption.isRequested }, report: printer.report)
      state.places[overlay.path] = places.isEmpty ? nil : places
    }
    pruner.run(
      &state.places[overlay, default: [:]], shouldStop: { Interruption.isRequested },
      report: printer.report)
    try writeState()
  }
}

/// Shows how many directories were listed so far.
private final class DirectoryCounter {
  private var count = 0
  private lazy var bar = ProgressBar(title: "overlay") { [unowned self] in
    .init(
      bytes: 0, fraction: nil, text: "\(count) \(count == 1 ? "directory" : "directories") listed")
  }

  func show(_ count: Int) {
    self.count = count
    bar.tick()
  }
}

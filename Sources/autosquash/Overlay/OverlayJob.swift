import ArgumentParser
import Automount
import Glibc
import Overlay
import Posix

/// One run of an overlay command.
final class OverlayJob {
  private let overlay: [UInt8]
  private let root: [UInt8]
  private let listing: OverlayListing
  private let isDryRun: Bool
  private let printer: OverlayPrinter
  private let statePath: [UInt8]
  private var state: OverlayState
  private let lock: FileLock?

  /// Runs a command's steps, prints what came of them, and ends the program with its status.
  static func run(
    _ arguments: OverlayArguments, isDryRun: Bool, namesChanges: Bool,
    failsOnChanges: Bool = false, _ steps: (OverlayJob) throws -> Void
  ) throws {
    let printer = OverlayPrinter(arguments, isDryRun: isDryRun, namesChanges: namesChanges)
    do {
      let job = try OverlayJob(arguments, isDryRun: isDryRun, printer)
      Interruption.watch()
      try steps(job)
      ProgressBar.clearLine()
      try printer.finish()
    } catch let error as SystemError {
      Messages.write(error.path, "\(error)")
      throw ExitCode(ExitStatus.failed)
    } catch {
      Messages.write("\(error)")
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
      throw SetupError(path: given.bytes, text: problem)
    }
    self.isDryRun = isDryRun
    self.printer = printer
    overlay = settings.overlay
    var root = arguments.root?.bytes ?? []
    while root.count > 1 && root.last == UInt8(ascii: "/") { root.removeLast() }
    self.root = root.isEmpty ? [UInt8(ascii: "/")] : root

    let prefix = self.root == [UInt8(ascii: "/")] ? [] : self.root
    statePath = prefix + settings.state + Array("/overlay".utf8)
    lock = isDryRun ? nil : try Self.lock(prefix, settings.state)
    state = try OverlayState(path: statePath)

    try Bucket.probe(overlay, seconds: settings.answerTimeout)
    let bar = arguments.progress.isShown && !arguments.quiet ? FileCounter() : nil
    do {
      listing = try OverlayListing(overlay) { bar?.show($0) }
    } catch {
      throw BucketError(path: error.path, code: error.code, text: "\(error)")
    }
    for path in listing.others {
      printer.report(path, .conflict("the overlay has a device, pipe or socket here"))
    }
  }

  /// Keeps other runs off, until this one ends.
  private static func lock(_ prefix: [UInt8], _ folder: [UInt8]) throws(SystemError) -> FileLock {
    var path = prefix
    for part in folder.split(separator: UInt8(ascii: "/")) {
      path += [UInt8(ascii: "/")] + part
      guard path.withCPath({ mkdir($0, 0o755) }) == 0 || errno == EEXIST else {
        throw SystemError("make the folder", path: path)
      }
    }
    return try FileLock(path + Array("/overlay.lock".utf8), waits: false)
  }

  func link(backup: [UInt8]?) throws {
    let linker = try OverlayLinker(listing, root: root, backup: backup, isDryRun: isDryRun)
    if !isDryRun {
      for (path, isMissing) in linker.places() where isMissing || state.directories[path] == nil {
        state.directories[path] = isMissing
      }
      try state.write(to: statePath)
    }
    linker.run(shouldStop: { Interruption.isRequested }, report: printer.report)
  }

  func prune() throws {
    let pruner = try OverlayPruner(listing, root: root, isDryRun: isDryRun)
    pruner.run(&state, shouldStop: { Interruption.isRequested }, report: printer.report)
    if !isDryRun { try state.write(to: statePath) }
  }
}

/// Shows how many files were found so far.
private final class FileCounter {
  private var count = 0
  private lazy var bar = ProgressBar(title: "overlay") { [unowned self] in
    .init(bytes: 0, fraction: nil, text: "\(count) files listed")
  }

  func show(_ count: Int) {
    self.count = count
    bar.tick()
  }
}
